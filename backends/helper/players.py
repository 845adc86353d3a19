"""The operation on a player.

    player-restart UNIT [kill]    restarts a system service whose main process is a player; `kill`: with SIGKILL

Its callers must not be able to restart anything else, nor to start what does not run: so the unit must be active or
failed, its files must be root's, and its name does not decide, but its main process or, if there is none, the command
line in its file.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from . import Refused, printable
from .trust import exposure

RESTART, KILL = "player-restart", "kill"
ANSWER = 3.0  # seconds for systemctl, which answers in 20 ms
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
PROPERTIES = ("Id", "ActiveState", "MainPID", "ExecStart", "FragmentPath", "DropInPaths")
RESTARTABLE = ("active", "reloading", "activating", "deactivating", "failed")  # systemd, unit_active_state_table
# systemd's own characters (unit-name.c, VALID_CHARS) without the backslash, which is special to systemctl and shells.
# No leading dash: the name is an argument.
is_plain = re.compile(r"(?=.{1,255}\Z)[A-Za-z0-9][A-Za-z0-9:_.-]*(@[A-Za-z0-9:_.-]+)?\.service").fullmatch
_IN_CGROUP = re.compile(r"^(?:0::|\d+:name=systemd:)(?!.*/user@)/(?:.*/)?([\w@.:\\-]+\.service)$", re.MULTILINE).search
_ARGV = re.compile(r"argv\[\]=((?:(?!argv\[\]=).)*?) ; ignore_errors=").search
OTHER_COMMANDS = ("--version", "-V", "--help", "-h", "--kill")  # of MPD: it ends at once


class Service(NamedTuple):
    """A unit in `systemctl show`. `main` is its main process (0: none), `start` the command line of its ExecStart,
    `files` are those that configure it."""

    id: str
    active: str = "active"
    main: int = 0
    start: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def player_restart(*arguments: str) -> None:
    if len(arguments) not in (1, 2) or arguments[1:] not in ((), (KILL,)):
        raise Refused(f"{RESTART} takes UNIT, and perhaps {KILL}")
    unit, *kill = arguments
    if not is_plain(unit):
        raise Refused(f"{printable(unit)!r} is not the name of a service, such as mopidy@bar.service")
    seen = service(dict(line.partition("=")[::2] for line in _systemctl("show", *_PROPERTIES, unit).splitlines()))
    changeable = next(filter(None, map(exposure, seen.files)), "") if seen.files else "it has no file"
    if reason := refusal(unit, seen, argv_of(seen.main), unit_of(seen.main), changeable):
        raise Refused(reason)
    if kill:
        _systemctl("kill", "--signal=KILL", unit)
    if seen.active == "failed":
        _systemctl("reset-failed", unit)
    _systemctl("restart", "--no-block", unit)  # its end may take as long as the old process takes


def service(said: dict[str, str]) -> Service:
    """From `systemctl show`."""
    main = said.get("MainPID", "")
    argv = _ARGV(said.get("ExecStart", ""))
    files = (said.get("FragmentPath", ""), *said.get("DropInPaths", "").split())
    return Service(
        said.get("Id", ""), said.get("ActiveState", ""), int(main) if main.isdecimal() else 0,
        tuple(argv[1].split()) if argv else (), tuple(file for file in files if file),
    )  # fmt: skip


def refusal(unit: str, seen: Service, argv: Sequence[str], inside: str, changeable: str) -> str:
    """Why this unit is not restarted; "" if it is a player's. `argv` is its main process's command line, `inside` that
    process's unit by the kernel: a service that names its main process to systemd could name another's. `changeable`:
    who else than root can change the unit's files."""
    if seen.id != unit:
        return f"{unit} is {printable(seen.id) or 'not known to systemd'}"
    if not is_restartable(seen.active):
        return f"{unit} is {printable(seen.active)}: only what is active or failed is restarted"
    if changeable:
        return f"{unit} is not root's alone: {changeable}"
    if seen.main and inside != unit:
        return f"the main process of {unit}, {seen.main}, is not in it"
    start = argv if seen.main else seen.start
    return "" if is_mopidy(start) or is_mpd(start) else f"{unit} is not a player's"


def is_restartable(active: str) -> bool:
    """Whether a unit in this state, its ActiveState, may be restarted by somebody who may not start one."""
    return active in RESTARTABLE


def is_mopidy(argv: Sequence[str]) -> bool:
    """Whether a command line is a Mopidy server, not one of its commands (`mopidy --config A config`)."""
    names = [Path(word).name for word in argv]
    if names[:1] and names[0].startswith("python"):
        names = names[2:] if names[1:2] == ["-m"] else names[1:]
    if names[:1] != ["mopidy"]:
        return False
    words = iter(argv[len(argv) - len(names) + 1 :])
    for word in words:
        if word in ("--config", "-o", "--option"):
            next(words, None)
        elif not word.startswith("-"):
            return False
    return True


def is_mpd(argv: Sequence[str]) -> bool:
    """Whether a command line is an MPD, not a command that ends at once."""
    return bool(argv) and Path(argv[0]).name == "mpd" and not set(OTHER_COMMANDS) & set(argv)


def argv_of(pid: int) -> list[str]:
    with contextlib.suppress(OSError):  # none, or it has just ended
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0")
    return []


def unit_of(pid: int) -> str:
    """The system's service that a process is in, by the kernel; "" if it is in none, or in a user's own."""
    with contextlib.suppress(OSError):  # none, or it has just ended
        match = _IN_CGROUP(Path(f"/proc/{pid}/cgroup").read_text(errors="replace"))
        return match[1] if match else ""
    return ""


_PROPERTIES = [f"--property={','.join(PROPERTIES)}"]


def _systemctl(*words: str) -> str:
    """Its output. Raises OSError with its message, and TimeoutError."""
    try:
        ran = subprocess.run(
            ["systemctl", *words], env={"PATH": PATH, "LC_ALL": "C"}, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, errors="replace", timeout=ANSWER, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"systemctl did not answer within {ANSWER:g} s") from None
    if ran.returncode:
        raise OSError(printable(ran.stderr.strip() or f"systemctl ended with {ran.returncode}", 300))
    return ran.stdout


OPERATIONS = {RESTART: player_restart}
