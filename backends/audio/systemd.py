"""The systemd unit of a player's process: its status, and how to restart it.

`systemctl` runs as a child with a deadline. A D-Bus library (dbus-fast, sdbus) would be one more dependency for three
calls; as root, systemctl needs no bus, because it uses the manager's own socket; and a plan shows the same commands.
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
from backends.helper.players import PATH, is_plain

ANSWER = 3.0  # seconds; it answers in 20 ms
BOOTED = Path("/run/systemd/system")  # sd_booted(3)
PROPERTIES = "--property=Id,ActiveState,SubState,Result,MainPID,NRestarts,ExecStart"
_IN_CGROUP = re.compile(r"^(?:0::|\d+:name=systemd:)(/.*/([\w@.:\\-]+\.service))$", re.MULTILINE).search
_OWN = re.compile(r"/user@(\d+)\.service/").search
_OF_SOCKET = re.compile(r"\bcgroup:(/\S+)").findall
_ARGV = re.compile(r"argv\[\]=((?:(?!argv\[\]=).)*?) ; ignore_errors=").search


class Unit(Struct, frozen=True):
    """A service, and the user whose manager runs it (None: the system's)."""

    name: str
    uid: int | None = None

    def command(self, *words: str) -> list[str]:
        return ["systemctl", *(["--user"] if self.uid is not None else []), *words, self.name]


class UnitStatus(Struct, frozen=True):
    """A unit in `systemctl show`. `main` is its main process (0: none), `restarts` how often systemd has restarted it
    automatically, `start` the command line of its ExecStart."""

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
        """The state and the number of automatic restarts."""
        return f"{self.state}, started again by systemd {self.restarts} times before" if self.restarts else self.state


def unit_in(cgroup: str) -> Unit | None:
    """The service of a process, from its /proc/PID/cgroup; None if it is in a session or in no unit."""
    match = _IN_CGROUP(cgroup)
    if not match:
        return None
    own = _OWN(match[1])
    return Unit(match[2], int(own[1]) if own else None)


def unit_of(pid: int, proc: Path = Path("/proc")) -> Unit | None:
    with contextlib.suppress(OSError):  # it has just ended, so it has no unit
        return unit_in((proc / str(pid) / "cgroup").read_text(errors="replace"))
    return None


def groups_in(sockets: str) -> list[str]:
    """The control groups of sockets, from the output of `ss --cgroup`."""
    return sorted(set(_OF_SOCKET(sockets)))


def unit_at(port: int) -> Unit | None:
    """The service that listens at this TCP port, of any user: everybody may read a socket's control group, but only its
    owner the process. For a socket of systemd (systemd.socket(5)) it is the service that the socket's unit
    starts. Blocking. Raises what `show` raises."""
    groups = groups_in(
        run(["ss", "--no-header", "--tcp", "--listening", "--numeric", "--cgroup", "sport", "=", f":{port}"])
    )
    if len(groups) != 1:
        return None
    above, _, name = groups[0].rpartition("/")
    if name.endswith(".socket") and is_plain(name.removesuffix("socket") + "service"):
        name = run(["systemctl", "show", "--value", "--property=Triggers", name]).strip()
    return unit_in(f"0::{above}/{name}")


def parse_show(text: str) -> list[UnitStatus]:
    """Parses the output of `systemctl show` for one or more units."""
    return [_unit_status(dict(line.partition("=")[::2] for line in each.splitlines())) for each in text.split("\n\n")]


def _unit_status(said: dict[str, str]) -> UnitStatus:
    numbers = {key: int(said[key]) for key in ("MainPID", "NRestarts") if said.get(key, "").isdecimal()}
    id, active, sub, result = (clean(said.get(key, "")) for key in ("Id", "ActiveState", "SubState", "Result"))
    argv = _ARGV(said.get("ExecStart", ""))
    start = tuple(argv[1].split()) if argv else ()
    return UnitStatus(id, active, sub, result, numbers.get("MainPID", 0), numbers.get("NRestarts", 0), start)


def show(unit: Unit) -> UnitStatus:
    """Reads the status of one unit, not of a pattern. Blocking. Raises OSError with systemctl's message, and
    TimeoutError."""
    return parse_show(run(unit.command("show", PROPERTIES)))[0]


def known(pattern: str) -> list[UnitStatus]:
    """The system units that match and that systemd has loaded (failed units stay loaded). Blocking. Raises what `show`
    raises."""
    return [each for each in parse_show(run(["systemctl", "show", PROPERTIES, pattern])) if each.id]


def restarting(unit: Unit, kill: bool, failed: bool) -> list[list[str]]:
    """The commands that restart it. `kill`: kill its processes first. `failed`: reset its failed state first, because
    it may have reached its start limit."""
    first = [unit.command("kill", "--signal=KILL")] if kill else []
    again = [unit.command("reset-failed")] if failed else []
    return [*first, *again, unit.command("restart")]


def restart(unit: Unit, kill: bool) -> None:
    """Starts the restart and does not wait for its end, which takes as long as the old process takes to end. Blocking.
    Raises what `show` raises."""
    for command in restarting(unit, kill, show(unit).active == "failed"):
        run([*command, "--no-block"] if "restart" in command else command)


def run(command: Sequence[str]) -> str:
    """The output of a command. The caller's environment does not reach the system's manager. Blocking: it runs in a
    thread, so it has an event loop of its own."""
    env = dict(os.environ) if "--user" in command else {"PATH": PATH}
    ran = asyncio.run(children.run(command, ANSWER, env | {"LC_ALL": "C"}))
    if ran.status:
        raise OSError(clean(ran.complaint.strip() or f"{command[0]} ended with {ran.status}"))
    return ran.text
