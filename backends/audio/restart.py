"""Restarts a player through its systemd unit. Plans only from systemd and the kernel, because a hung player does not
answer.

On SIGTERM a player can save its queue and continue with it. A player that hangs or runs away ignores SIGTERM, and
systemd would wait for 90 s.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence

import psutil
from msgspec import Struct, structs

from backends import sudo
from backends.audio import systemd
from backends.audio.systemd import Unit, UnitStatus
from backends.contract import (
    IO,
    Arg,
    Args,
    Evidence,
    Expect,
    Health,
    Id,
    Need,
    Offer,
    Plan,
    Refused,
    Remedy,
    Risk,
    Step,
    Test,
    Unknown,
    Why,
    clean,
)
from backends.helper import players
from backends.kinds import Zone
from backends.shell import shell

RESTART, HOW, ASK, KILL = "restart", "how", "ask", "kill"
WITHIN = 30.0  # seconds: a cold start of nine takes 12, and ending one with SIGTERM may take as long
LOOK = 8.0  # seconds to find the process and to read its unit
PERMISSION = (players.RESTART, "mopidy.service")  # the operation that sudo is asked about
NOWHERE = Unknown(Why.NOT_APPLICABLE, "no process of it is known here")


class PlayerProgram(Struct, frozen=True):
    """What it takes to restart a player of one program, such as Mopidy. The functions read processes and files, and
    block."""

    units: str  # the name pattern of its units, to find one that has no process
    is_server: Callable[[Sequence[str]], bool]  # whether a command line is one of its servers
    answers_at: Callable[[Sequence[str], str], bool]  # whether one with this command line should answer at host:port
    queue: Callable[[int, bool], str]  # what happens to a process's queue on SIGTERM, or (True) SIGKILL
    called: Callable[[int], str]  # a process's name in a sentence


class PlayerUnit(Struct, frozen=True):
    """The systemd unit of a zone's player, its main process (`pid`; 0: none now), and its state in systemd's words."""

    unit: Unit | Unknown = Unknown()
    pid: int = 0
    state: str = ""
    active: str = ""  # ActiveState


# --- pure decisions ---------------------------------------------------------------------------------------


def out_of_reach(pid: int, unit: Unit | None, uid: int) -> str:
    """Why user `uid` cannot read or restart the unit of this process, or ""."""
    if unit is None:
        return f"process {pid} is no unit's: somebody started it by hand"
    if not players.is_plain(unit.name):
        return f"the name of {clean(unit.name, 60)} cannot be passed to a command"
    return "" if unit.uid in (None, uid) else f"{unit.name} is of user {unit.uid}'s own manager"


def player_unit(pid: int, unit: Unit, seen: UnitStatus) -> PlayerUnit:
    """The result for a process in `unit`; `seen` is that unit's status."""
    if seen.main == pid:
        return PlayerUnit(unit, pid, seen.history, seen.active)
    said = f"it is in {unit.name}, whose main process is another: {seen.main or 'none'}"
    return PlayerUnit(Unknown(Why.NOT_APPLICABLE, said))


def blocked(unit: Unit, uid: int, active: str, lacking: str) -> str:
    """Why user `uid` cannot restart it, or "". `active` is its ActiveState, `lacking` why foh may not do it as root."""
    if unit.uid is not None or uid == 0:
        return ""
    if active and not players.is_restartable(active):
        return f"{unit.name} is {active}, and the root helper starts nothing: sudo systemctl start {unit.name}"
    return lacking


def offer(id: Id, unit: Unit, hung: bool, blocked: str) -> Offer:
    how = Arg(HOW, "how its process is ended", choices=(ASK, KILL), default=KILL if hung else ASK)
    return Offer(id, RESTART, f"restart {unit.name}", Risk.DISRUPTIVE, (how,), blocked)


def step(unit: Unit, kill: bool, seen: UnitStatus) -> Step:
    how = "kill all its processes (SIGKILL), then start it" if kill else "end its process (SIGTERM), start another"
    root = [] if unit.uid is not None else ["sudo"]
    commands = [(*root, *each) for each in systemd.restarting(unit, kill, seen.active == "failed")]
    argv = commands[0] if len(commands) == 1 else ("sh", "-c", "; ".join(map(shell, commands)))
    args: Args = {"unit": unit.name, "uid": unit.uid, "kill": kill, "main": seen.main}
    return Step(RESTART, args, argv, f"restart {unit.name}: {how}")


def replaced(step: Step, seen: UnitStatus) -> bool | None:
    """Whether the unit has a new main process. None: it has none, so a restart may be in progress."""
    return seen.main != step.args["main"] if seen.main else None


def plan(offer: Offer, how: str, unit: Unit, seen: UnitStatus, queue: str, others: Sequence[str], now: float) -> Plan:
    """`queue`: what happens to its queue; `others`: the other players in the unit."""
    if how not in (ASK, KILL):
        raise Refused(f"{HOW} is {ASK} or {KILL}, not {clean(how, 20)!r}")
    kill = how == KILL
    if kill and not seen.main:
        raise Refused(f"{unit.name} has no process to kill")
    said = (("unit", unit.name), ("ActiveState", seen.state), ("MainPID", seen.main), ("NRestarts", seen.restarts))
    return Plan(
        offer, {HOW: how}, (step(unit, kill, seen),), (Expect(offer.target, "pid", seen.main, WITHIN, Test.DIFFERS),),
        interrupts=(*([queue] if queue else []), *(f"{each}, which is in the same unit" for each in others)),
        based_on=tuple(Evidence(what, f"systemctl show {unit.name}", now, str(value)) for what, value in said),
    )  # fmt: skip


def with_remedy(said: Health, now: PlayerUnit, id: Id) -> Health:
    """The health with the restart as its remedy, if the unit is known."""
    if not isinstance(now.unit, Unit):
        return said
    return structs.replace(said, remedy=Remedy(f"restart {now.unit.name}", RESTART, id))


# --- reading and acting -----------------------------------------------------------------------------------


class Restart:
    """Restarts one zone. Offers the unit that `look` found."""

    def __init__(self, id: Id, make: PlayerProgram, permission: sudo.Permission) -> None:
        self.id, self._make, self._permission = id, make, permission
        self.now = PlayerUnit()
        self._last: Unit | None = None

    async def look(self, pid: int | Unknown | None, io: IO) -> PlayerUnit:
        """Finds the unit of this process (None: its process has ended)."""
        try:
            with io.part("unit") as part:
                self.now = await part.thread(_look, self._make, pid, self._last, self.id.local, within=LOOK)
        except OSError as error:
            self.now = PlayerUnit(Unknown(Why.UNREACHABLE, clean(error)))
        if isinstance(self.now.unit, Unit):
            self._last = self.now.unit
        return self.now

    async def offers(self, io: IO, hung: bool = False) -> tuple[Offer, ...]:
        unit = self.now.unit
        return (offer(self.id, unit, hung, await self._blocked(unit, io)),) if isinstance(unit, Unit) else ()

    async def offered(self, zone: Zone, io: IO) -> Zone:
        """The zone with its unit, and with the offer to restart it."""
        unit = self.now.unit
        offers = (*zone.offers, *await self.offers(io))
        return structs.replace(zone, unit=unit.name if isinstance(unit, Unit) else unit, offers=offers)

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        """Reads only systemd and the kernel."""
        unit, pid = self.now.unit, self.now.pid
        if isinstance(unit, Unknown):
            raise Refused(unit.detail)
        if reason := await self._blocked(unit, io, afresh=True):
            raise Refused(reason)
        how = args.get(HOW) or offer.args[0].default
        with io.part("unit") as part:
            seen, queue, others = await part.thread(_basis, self._make, unit, pid, how == KILL, within=LOOK)
        if seen.main != pid:
            raise Refused(f"{unit.name} has another process now, {seen.main}")
        return plan(offer, how, unit, seen, queue, others, io.clock())

    async def do(self, step: Step, io: IO) -> None:
        name, uid, kill = step.args["unit"], step.args["uid"], bool(step.args["kill"])
        assert isinstance(name, str)
        assert uid is None or isinstance(uid, int)
        asked = (players.RESTART, name, *([players.KILL] if kill else []))
        if uid is None and os.geteuid():
            await sudo.by_sudo(asked, io)
            return
        with io.part("unit") as part:
            await part.thread(systemd.restart, Unit(name, uid), kill, within=LOOK)

    async def done(self, step: Step, io: IO) -> bool | None:
        """Whether the unit has a new main process since the step; None if it has none."""
        name, uid = step.args["unit"], step.args["uid"]
        assert isinstance(name, str)
        assert uid is None or isinstance(uid, int)
        with io.part("unit") as part:
            seen = await part.thread(systemd.show, Unit(name, uid), within=LOOK)
        return replaced(step, seen)

    async def _blocked(self, unit: Unit, io: IO, afresh: bool = False) -> str:
        own = os.geteuid()
        asked = unit.uid is None and own != 0
        return blocked(unit, own, self.now.active, await self._permission.lacking(io, afresh) if asked else "")


def _look(make: PlayerProgram, pid: int | Unknown | None, last: Unit | None, address: str) -> PlayerUnit:
    """Blocking. Raises OSError."""
    if isinstance(pid, Unknown):
        return PlayerUnit(pid)
    if pid == os.getpid():
        return PlayerUnit(Unknown(Why.NOT_APPLICABLE, "its process is this program"))
    if pid:
        unit = systemd.unit_of(pid)
        reason = out_of_reach(pid, unit, os.geteuid())
        if unit is None or reason:
            return PlayerUnit(Unknown(Why.NOT_APPLICABLE, reason))
        return player_unit(pid, unit, systemd.show(unit))
    if last:
        seen = systemd.show(last)
        return PlayerUnit(last, seen.main, seen.history, seen.active)
    if systemd.BOOTED.is_dir():
        for seen in systemd.known(make.units):
            if make.is_server(seen.start) and make.answers_at(seen.start, address):
                return PlayerUnit(Unit(seen.id), seen.main, seen.history, seen.active)
    return PlayerUnit(NOWHERE)


def _basis(make: PlayerProgram, unit: Unit, pid: int, kill: bool) -> tuple[UnitStatus, str, list[str]]:
    """The basis of a plan: the unit, what happens to the queue, and the other players in the unit. Blocking. Raises
    OSError."""
    others = [make.called(other) for other in servers(make) if other != pid and systemd.unit_of(other) == unit]
    return systemd.show(unit), make.queue(pid, kill) if pid else "", others


def servers(make: PlayerProgram) -> list[int]:
    """The server processes of this program, of all users, by command line. Blocking."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # it has ended
            if make.is_server(process.cmdline()):
                found.append(process.pid)
    return found


def permission_to_restart() -> sudo.Permission:
    return sudo.Permission(*PERMISSION)


def needs(make: PlayerProgram, user: str) -> list[Need]:
    """The permission that foh needs if players are system units; nothing otherwise. Blocking."""
    found = (systemd.unit_of(pid) for pid in servers(make))
    units = sorted({unit.name for unit in found if unit and unit.uid is None})
    if not units:
        return []
    return [sudo.need(f"permission to restart {', '.join(units)}", user, *PERMISSION)]
