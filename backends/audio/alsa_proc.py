"""Reads the sound cards and the state of their playback PCMs from /proc/asound.

The formats: sound/core/{init,pcm}.c and, for the bus address, sound/usb/proc.c. Reading a PCM's status takes a
mutex that a hung open or close can hold, so callers read in a thread with a deadline.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from backends.contract import Evidence, Id, Key, Link, Unknown, Why, clean
from backends.kinds import Number, Pcm, Text
from backends.sysfs import read_text

Matches = Callable[[str], re.Match[str] | None]

CLOSED = "closed"
_CARD = re.compile(r"card(\d+)").fullmatch
_PLAYBACK = re.compile(r"pcm(\d+)p").fullmatch
_SUB = re.compile(r"sub(\d+)").fullmatch
_ADDRESS = re.compile(r"\d{3}/\d{3}").fullmatch
_SECONDS = re.compile(r"\d{1,12}\.\d{1,9}").fullmatch
_WORD = re.compile(r"[A-Z_]{1,20}").fullmatch


def pcms(root: Path, host: str, at: float) -> list[Pcm]:
    """All playback substreams of all cards, by card number. A substream that vanishes during the read is left out.

    Raises OSError when `root` (usually /proc/asound) cannot be listed.
    """
    found = []
    for card, folder in _numbered(root, _CARD):
        first = True
        for device, pcm in _listed(folder, _PLAYBACK):
            for sub, substream in _listed(pcm, _SUB):
                one = _pcm(root, host, card, folder, device, sub, substream, at, first)
                if one is not None:
                    found.append(one)
                    first = False
    return found


def _pcm(
    root: Path, host: str, card: int, folder: Path, device: int, sub: int, substream: Path, at: float, first: bool
) -> Pcm | None:
    """`first`: only a card's first substream gets the card's name; the others could not be told apart."""
    try:
        card_id = clean(read_text(folder / "id").strip(), 32)
    except OSError:
        return None
    status = _text(substream / "status")
    if isinstance(status, Unknown) and status.why is Why.NOT_APPLICABLE:
        return None
    state, owner, hw_ptr, begun = parse_status(status)
    program: Text = Unknown(Why.NOT_APPLICABLE, "its owner is unknown")
    if isinstance(owner, int):
        owner, program = _process(root.parent, owner)
    local = f"hw:{card_id},{device}" + (f",{sub}" if sub else "")
    keys = [Key("alsa-card", str(card), host), Key("alsa-card", card_id, host)] if first else []
    if isinstance(owner, int):
        keys.append(Key("pcm-owner", str(owner), host))
    said = f"state {state}, owner {owner} {program}" if isinstance(program, str) else str(state)
    return Pcm(
        id=Id(host, "pcm", local),
        name=card_id if first else local,
        keys=tuple(keys),
        links=_board(folder / "usbbus", host),
        evidence=(Evidence("status", str(substream / "status"), at, said),) if isinstance(state, str) else (),
        at=at,
        state=state,
        owner=owner,
        program=program,
        hw_ptr=hw_ptr,
        begun=begun,
        rate=parse_rate(_text(substream / "hw_params")),
        card=str(card),
        card_id=card_id,
    )


def parse_status(text: Text) -> tuple[Text, Number, Number, Number]:
    """State, owner's pid, position (frames) and start time (seconds of the kernel's clock) from a `status` file. The
    file says "closed", or has lines of "name : value"."""
    if isinstance(text, Unknown):
        return text, text, text, text
    if text.strip() == CLOSED:
        none = Unknown(Why.NOT_APPLICABLE, "no program has it open")
        return CLOSED, none, none, none
    lines = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}
    state = lines.get("state", "")
    if not _WORD(state):
        broken = Unknown(Why.MALFORMED, f"status says {clean(text, 60)!r}")
        return broken, broken, broken, broken
    owner = _number("owner_pid", lines)
    if owner == 0:  # pid_vnr: the owner is in a pid namespace that we cannot see
        owner = Unknown(Why.NOT_MEASURABLE, "its owner is in another pid namespace")
    begun = lines.get("trigger_time", "")
    started = float(begun) if _SECONDS(begun) else Unknown(Why.MALFORMED, f"trigger_time says {clean(begun, 40)!r}")
    return state, owner, _number("hw_ptr", lines), started


def _process(proc: Path, thread: int) -> tuple[Number, Text]:
    """The process whose thread has opened a PCM, and its program. The kernel records the thread (sound/core/pcm.c,
    task_pid(current)), which is seldom a player's main thread. If its process is unknown, the thread's id stands."""
    text = _text(proc / str(thread) / "status")
    if isinstance(text, Unknown):
        return thread, text
    name, tgid = (re.search(rf"^{word}:\t(.*)$", text, re.MULTILINE) for word in ("Name", "Tgid"))
    pid = int(tgid[1]) if tgid and re.fullmatch(r"\d{1,10}", tgid[1]) else thread
    main = _text(proc / str(pid) / "comm")
    return pid, clean(main, 40) if isinstance(main, str) else clean(name[1], 40) if name else main


def parse_rate(text: Text) -> Number:
    """Frames per second from `hw_params`: "rate: 44100 (44100/1)"; "closed" and "no setup" have no rate."""
    if isinstance(text, Unknown):
        return text
    match = re.search(r"^rate: (\d{1,9})\b", text, re.MULTILINE)
    return int(match[1]) if match else Unknown(Why.NOT_APPLICABLE, f"hw_params says {clean(text, 40)!r}")


def _number(name: str, lines: dict[str, str]) -> Number:
    value = lines.get(name, "")
    return int(value) if re.fullmatch(r"\d{1,19}", value) else Unknown(Why.MALFORMED, f"{name} says {value!r}")


def _board(usbbus: Path, host: str) -> tuple[Link, ...]:
    """The link to the USB device behind the card. Only USB cards have the file; it is empty after unplugging."""
    address = _text(usbbus)
    if isinstance(address, Unknown) or not _ADDRESS(address.strip()):
        return ()
    return (Link("board", Key("usb-address", address.strip(), host), f"{usbbus} says {address.strip()}"),)


def _text(path: Path) -> Text:
    try:
        return read_text(path, 4096)
    except FileNotFoundError:
        return Unknown(Why.NOT_APPLICABLE, f"there is no {path.name}")
    except PermissionError:
        return Unknown(Why.DENIED, f"no permission to read {path}")
    except OSError as error:
        return Unknown(Why.UNREACHABLE, f"{path.name}: {error.strerror}")


def _numbered(folder: Path, matches: Matches) -> list[tuple[int, Path]]:
    """The entries whose name matches, by their number."""
    named = ((matches(path.name), path) for path in folder.iterdir())
    return sorted((int(match[1]), path) for match, path in named if match)


def _listed(folder: Path, matches: Matches) -> list[tuple[int, Path]]:
    try:
        return _numbered(folder, matches)
    except OSError:  # the card was removed between two reads
        return []
