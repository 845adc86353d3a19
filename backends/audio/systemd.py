"""The systemd unit that a player's process is in: what its manager says of it, and how it is restarted.

`systemctl` is run as a child with a deadline. A D-Bus library (dbus-fast, sdbus) would be one more dependency for three
calls; root needs no bus at all with systemctl, which has the manager's own socket; and a plan shows the very commands.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from backends import children
from backends.contract import clean

ANSWER = 3.0  # seconds; it answers in 20 ms
BOOTED = Path("/run/systemd/system")  # sd_booted(3)
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
PROPERTIES = "--property=Id,ActiveState,SubState,Result,MainPID,NRestarts,ExecStart"
_IN_CGROUP = re.compile(r"^(?:0::|\d+:name=systemd:)(/.*/([\w@.:\\-]+\.service))$", re.MULTILINE).search
_OWN = re.compile(r"/user@(\d+)\.service/").search
_OF_SOCKET = re.compile(r"\bcgroup:(/\S+)").findall
_ARGV = re.compile(r"argv\[\]=(.*?) ; ignore_errors=").search
# Of systemd's own (unit-name.c, VALID_CHARS) all but the backslash, which systemctl and shells take for more than a
# letter. It begins with no dash: it is an argument.
is_plain = re.compile(r"(?=.{1,255}\Z)[A-Za-z0-9][A-Za-z0-9:_.-]*(@[A-Za-z0-9:_.-]+)?\.service").fullmatch


class Unit(Struct, frozen=True):
    """A service, and the user whose own manager has it (None: the system's)."""

    name: str
    uid: int | None = None

    def command(self, *words: str) -> list[str]:
        return ["systemctl", *(["--user"] if self.uid is not None else []), *words, self.name]


class Shown(Struct, frozen=True):
    """What `systemctl show` says of a unit. `main` is its main process (0: none), `restarts` how often systemd has
    started it again by itself, `start` the command line that it is started with."""

    id: str
    active: str = ""
    sub: str = ""
    result: str = ""
    main: int = 0
    restarts: int = 0
    start: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """In systemd's own words."""
        return f"{self.active} ({self.result if self.active == 'failed' else self.sub})"

    @property
    def history(self) -> str:
        """The same, and what it has been through."""
        return f"{self.state}, started again by systemd {self.restarts} times before" if self.restarts else self.state


def unit_in(cgroup: str) -> Unit | None:
    """The service that a process is in, by its /proc/PID/cgroup; None where that is a session, or no unit at all."""
    match = _IN_CGROUP(cgroup)
    if not match:
        return None
    own = _OWN(match[1])
    return Unit(match[2], int(own[1]) if own else None)


def unit_of(pid: int, proc: Path = Path("/proc")) -> Unit | None:
    with contextlib.suppress(OSError):  # it has just ended: then it has no unit either
        return unit_in((proc / str(pid) / "cgroup").read_text(errors="replace"))
    return None


def groups_in(sockets: str) -> list[str]:
    """The control groups in which sockets were made, by what `ss --cgroup` has printed."""
    return sorted(set(_OF_SOCKET(sockets)))


def unit_at(port: int) -> Unit | None:
    """The service that listens at this TCP port, whoever's it is: the kernel tells everybody in which control group a
    socket was made, and only its owner which process has it. Where systemd has made it (systemd.socket(5)), it is the
    service that the socket's unit starts. Blocking. Raises as `show` does."""
    groups = groups_in(
        run(["ss", "--no-header", "--tcp", "--listening", "--numeric", "--cgroup", "sport", "=", f":{port}"])
    )
    if len(groups) != 1:
        return None
    above, _, name = groups[0].rpartition("/")
    if name.endswith(".socket") and is_plain(name.removesuffix("socket") + "service"):
        name = run(["systemctl", "show", "--value", "--property=Triggers", name]).strip()
    return unit_in(f"0::{above}/{name}")


def shown(text: str) -> list[Shown]:
    """What `systemctl show` has printed, of one unit or of several."""
    return [_shown(dict(line.partition("=")[::2] for line in each.splitlines())) for each in text.split("\n\n")]


def _shown(said: dict[str, str]) -> Shown:
    numbers = {key: int(said[key]) for key in ("MainPID", "NRestarts") if said.get(key, "").isdecimal()}
    id, active, sub, result = (clean(said.get(key, "")) for key in ("Id", "ActiveState", "SubState", "Result"))
    argv = _ARGV(said.get("ExecStart", ""))
    start = tuple(argv[1].split()) if argv else ()
    return Shown(id, active, sub, result, numbers.get("MainPID", 0), numbers.get("NRestarts", 0), start)


def show(unit: Unit) -> Shown:
    """Asks the unit's manager; a pattern is not taken. Blocking. Raises OSError with systemctl's words, and
    TimeoutError."""
    return shown(run(unit.command("show", PROPERTIES)))[0]


def known(pattern: str) -> list[Shown]:
    """Those of the system's units that systemd has in mind (which it has of failed ones). Blocking; raises as `show`
    does."""
    return [each for each in shown(run(["systemctl", "show", PROPERTIES, pattern])) if each.id]


def restarting(unit: Unit, kill: bool, failed: bool) -> list[list[str]]:
    """The commands that restart it. `kill`: its processes are not asked to end. `failed`: it is, and might have been
    started too often to be started now."""
    first = [unit.command("kill", "--signal=KILL")] if kill else []
    again = [unit.command("reset-failed")] if failed else []
    return [*first, *again, unit.command("restart")]


def restart(unit: Unit, kill: bool) -> None:
    """Blocking, but not until it runs again, which takes as long as its process takes to end: that is seen by what
    answers then. Raises as `show` does."""
    for command in restarting(unit, kill, show(unit).active == "failed"):
        run([*command, "--no-block"] if "restart" in command else command)


def run(command: Sequence[str]) -> str:
    """What it prints. Of the caller's environment nothing reaches the system's manager. Blocking, in a thread or in the
    root helper, so with an event loop of its own."""
    env = dict(os.environ) if "--user" in command else {"PATH": PATH}
    ran = asyncio.run(children.run(command, ANSWER, env | {"LC_ALL": "C"}))
    if ran.status:
        raise OSError(clean(ran.complaint.strip() or f"{command[0]} ended with {ran.status}"))
    return ran.text
