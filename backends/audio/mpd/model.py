"""Pure functions from an MPD's answers to a Zone, and from an action to its commands. No I/O.

The protocol: MPD's own reference, "Querying MPD's status" and "Controlling playback".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from backends.audio import transport
from backends.audio.systemd import Unit
from backends.contract import Evidence, Expect, Id, Key, Link, Offer, Refused, Step, Unknown, Why, clean
from backends.kinds import LOG, PLACE, PLAYBACK, PROCESS, Number, Text, Zone

STATES = {"play": "playing", "pause": "paused", "stop": "stopped"}
FAULTS = (  # what MPD's `error` says, in order, and the zone's word for it
    ("Device or resource busy", "device busy"),
    ("Connection refused", "sound server gone"),
    ("Connection terminated", "sound server gone"),
    ("Failed to open", "device cannot be opened"),
    ("No such device", "device lost"),
)
NO_MIXER = Unknown(Why.NOT_APPLICABLE, "none of its outputs has a mixer")
_ABSENT = Unknown(Why.NOT_APPLICABLE, "no track")
_DECIMAL = re.compile(r"\d{1,12}(\.\d*)?").fullmatch

Command = tuple[str, ...]
Outcome = tuple[list[Command], tuple[Expect, ...]]
Answer = Mapping[str, str]


class Said(Struct, frozen=True):
    """MPD's answers to `status`, `currentsong` and `outputs`."""

    status: dict[str, str] = {}
    song: dict[str, str] = {}
    outputs: tuple[dict[str, str], ...] = ()


def said(status: object, song: object, outputs: object) -> Said:
    """The answers from the client's: there a value is a list if its key came more than once. Raises ValueError."""
    if not isinstance(status, dict) or not isinstance(song, dict) or not isinstance(outputs, list):
        raise ValueError("answers, but not as MPD")
    return Said(_flat(status), _flat(song), tuple(_flat(output) for output in outputs if isinstance(output, dict)))


def _flat(answer: Mapping[str, object]) -> dict[str, str]:
    return {key: ", ".join(map(str, v)) if isinstance(v, list) else str(v) for key, v in answer.items()}


def is_mopidy(outputs: Sequence[Answer]) -> bool:
    """Whether it is Mopidy's MPD frontend: its only output is called Mute and has no plugin."""
    return [(output.get("outputname"), output.get("plugin")) for output in outputs] == [("Mute", None)]


def zone(
    id: Id, said: Said, version: str, pid: int | Unknown, phones: Number, jumps: Number, now: float, whose: str = ""
) -> Zone:
    """`jumps` counts new tracks and seeks (kinds.Zone). `whose`: the stranger whose process it is."""
    status, song = said.status, said.song
    state: Text = STATES.get(status.get("state", ""), Unknown(Why.MALFORMED, f"state {status.get('state')!r}"))
    volume, error = number(status.get("volume")), status.get("error", "")
    length = number(status.get("duration") or song.get("duration"))
    evidence = [
        Evidence(PLAYBACK, f"MPD {id.local} status", now, clean(_line(status, "state", "song", "songid"), 300)),
        Evidence("track", f"MPD {id.local} currentsong", now, clean(_line(song, "file", "title", "artist"), 300)),
        Evidence(PLACE, f"MPD {id.local} status", now, clean(status.get("elapsed", ""), 40)),
        Evidence("software volume", f"MPD {id.local} status", now, clean(status.get("volume", ""), 40)),
    ]
    if isinstance(pid, int):
        evidence.append(
            Evidence(PROCESS, "listening sockets in /proc/net/tcp", now, f"{pid}, of {whose}" if whose else str(pid))
        )
    if error:
        evidence.append(Evidence(LOG, f"MPD {id.local} status, error", now, clean(error, 300)))
    title, artist = song.get("title") or song.get("name") or song.get("file"), song.get("artist")
    return Zone(
        id=id,
        name=id.local,
        keys=(Key("tcp", id.local, id.host), *([Key("pid", str(pid), id.host)] if isinstance(pid, int) else [])),
        links=_links(pid, id.host),
        offers=transport.offers(id, state, "" if isinstance(volume, int) else NO_MIXER.detail),
        evidence=tuple(evidence),
        at=now,
        state=state,
        title=clean(title) if title else _ABSENT,
        artist=clean(artist) if artist else _ABSENT if not song else Unknown(Why.NOT_APPLICABLE, "the track has none"),
        track=clean(f"#{song.get('id')} {song.get('file')}", 400) if song else _ABSENT,
        position=number(status.get("elapsed", "0")) if song else _ABSENT,
        length=length if isinstance(length, int) else Unknown(Why.NOT_APPLICABLE, "a stream" if song else "no track"),
        volume=volume if isinstance(volume, int) else NO_MIXER,
        queue=number(status.get("playlistlength")),
        output=clean(", ".join(map(_output, said.outputs))),
        version=f"MPD {clean(version, 40)}",
        endpoint=id.local,
        pid=pid,
        mpd=f"{id.local}, MPD {clean(version, 40)}",
        phones=phones,
        log=(clean(error, 300),) if error else (),
        fault=fault(error),
        jumps=jumps,
        tracks_begun=jumps,
    )


def unanswering(id: Id, pid: int | Unknown | None, unit: Unit | Unknown, offers: tuple[Offer, ...]) -> Zone:
    """The zone while its MPD does not answer. `pid` stays unknown: it is the pid of the process that answers."""
    keys = (Key("tcp", id.local, id.host), *([Key("pid", str(pid), id.host)] if isinstance(pid, int) else []))
    said = unit.name if isinstance(unit, Unit) else unit
    return Zone(id=id, name=id.local, keys=keys, links=_links(pid, id.host), offers=offers, unit=said)


def number(text: str | None) -> int | Unknown:
    """Whole seconds, percent or tracks; MPD leaves out what does not apply, and older versions say -1."""
    if text and _DECIMAL(text):
        return int(float(text))
    return Unknown(Why.NOT_APPLICABLE, clean(text or "not reported", 40))


def fault(error: str) -> Text:
    """The zone's word for the error that MPD shows until it plays again."""
    if not error:
        return Unknown(Why.NOT_APPLICABLE, "it shows no error")
    return next((word for words, word in FAULTS if words in error), Unknown(Why.NOT_APPLICABLE, clean(error)))


def _line(answer: Answer, *names: str) -> str:
    return ", ".join(f"{name} {answer[name]}" for name in names if name in answer)


def _output(output: Answer) -> str:
    off = "" if output.get("outputenabled") == "1" else ", off"
    return f"{output.get('outputname', '?')} ({output.get('plugin', '?')}{off})"


def _links(pid: int | Unknown | None, host: str) -> tuple[Link, ...]:
    """MPD does not say which device an output uses. So the links lead only to what its process has open: a PCM, or a
    stream at a sound server."""
    if not isinstance(pid, int):
        return ()
    return (
        Link("pcm", Key("pcm-owner", str(pid), host), "its process owns the PCM"),
        Link("stream", Key("stream-owner", str(pid), host), "its process plays the stream"),
    )


def work_out(zone: Zone, said: Said, action: str, args: Mapping[str, str]) -> Outcome:
    """The commands of an action, and the expected result. Raises Refused."""
    match action:
        case "play" | "pause" | "stop":
            expect = transport.expect_state(action, zone)
            if action == "stop" or zone.state == "stopped":
                return [(action,)], (expect,)
            return [("pause", "0" if action == "play" else "1")], (expect,)
        case "again":
            return [("stop",), ("play",)], transport.expect_restart(zone)
        case "next" | "previous":
            if zone.state == "stopped":
                raise Refused("it is stopped")
            if said.status.get("song") == "0" if action == "previous" else "nextsong" not in said.status:
                raise Refused(f"there is no {action} track")
            return [(action,)], (transport.expect_skip(zone),)
        case "volume":
            wanted, expect = transport.volume(args, zone)
            return [("setvol", str(wanted))], (expect,)
    raise Refused(f"MPD has no action {action!r}")


def step(address: str, command: Command) -> Step:
    """One command, with its `mpc` equivalent."""
    host, _, port = address.rpartition(":")
    mpc = {"setvol": "volume", "previous": "prev", "pause": "play" if command[1:] == ("0",) else "pause"}
    values = command[1:] if command[0] == "setvol" else ()
    words = ("mpc", "-h", host, "-p", port, mpc.get(command[0], command[0]), *values)
    once = command[0] in ("next", "previous")  # never repeated
    return Step(command[0], {"words": command[1:]}, words, " ".join(command), once)
