"""Restarting a player: what its systemd unit's process is told to do, planned from what is known on this machine alone,
as a player that hangs answers nothing.

SIGTERM lets a player save its queue, if it is told to, and go on there; one that hangs or runs away does not obey it,
and systemd would wait for a minute and a half.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
from collections.abc import Callable, Mapping, Sequence

import psutil
from msgspec import Struct, structs

from backends import children, sudo
from backends.audio import player_helper, systemd
from backends.audio.systemd import Shown, Unit
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
from backends.kinds import Zone

RESTART, HOW, ASK, KILL = "restart", "how", "ask", "kill"
WITHIN = 30.0  # seconds: a cold start of nine takes 12, and one that is asked to end may take as long
LOOK = 8.0  # seconds for finding the process, and for what systemctl says of it
PERMISSION = (player_helper.RESTART, "mopidy.service")  # what sudo is asked about
NOWHERE = Unknown(Why.NOT_APPLICABLE, "it has no process here that is known")


class Make(Struct, frozen=True):
    """What is to be known of a make of players to restart one. Its functions look at processes and files, and block."""

    units: str  # the pattern of the names among which a unit is looked for that has no process
    is_server: Callable[[Sequence[str]], bool]  # whether this command line is one's
    answers_at: Callable[[Sequence[str], str], bool]  # whether what is started so should answer at host:port
    queue: Callable[[int, bool], str]  # what becomes of the queue of a process that is asked to end, or (True) killed
    called: Callable[[int], str]  # what a process that is one is called in a sentence


class Standing(Struct, frozen=True):
    """What a zone's process is, and the unit whose main process that is; pid 0: the unit has none now. `state` is how
    systemd calls the unit's."""

    unit: Unit | Unknown = Unknown()
    pid: int = 0
    state: str = ""


# --- what is decided --------------------------------------------------------------------------------------


def beyond(pid: int, unit: Unit | None, uid: int) -> str:
    """Why user `uid` cannot ask anybody about the unit of this process, or ""."""
    if unit is None:
        return f"process {pid} is no unit's: somebody started it by hand"
    if not systemd.is_plain(unit.name):
        return f"the name of {clean(unit.name, 60)} is passed to no command"
    return "" if unit.uid in (None, uid) else f"{unit.name} is of user {unit.uid}'s own manager"


def standing(pid: int, unit: Unit, seen: Shown) -> Standing:
    """Of a process in `unit`, of which its manager says `seen`."""
    if seen.main == pid:
        return Standing(unit, pid, seen.history)
    said = f"it is in {unit.name}, whose main process is another: {seen.main or 'none'}"
    return Standing(Unknown(Why.NOT_APPLICABLE, said))


def blocked(unit: Unit, uid: int, permitted: bool) -> str:
    """Why user `uid` cannot restart it, or "". `permitted`: sudo permits the helper."""
    return "" if unit.uid is not None or uid == 0 or permitted else sudo.NEEDED


def offer(id: Id, unit: Unit, hung: bool, blocked: str) -> Offer:
    how = Arg(HOW, "how its process is ended", choices=(ASK, KILL), default=KILL if hung else ASK)
    return Offer(id, RESTART, f"restart {unit.name}", Risk.DISRUPTIVE, (how,), blocked)


def step(unit: Unit, kill: bool, seen: Shown) -> Step:
    how = "kill all its processes (SIGKILL), then start it anew" if kill else "end its process (SIGTERM), start another"
    root = [] if unit.uid is not None else ["sudo"]
    commands = [(*root, *each) for each in systemd.restarting(unit, kill, seen.active == "failed")]
    argv = commands[0] if len(commands) == 1 else ("sh", "-c", "; ".join(map(shlex.join, commands)))
    args: Args = {"unit": unit.name, "uid": unit.uid, "kill": kill, "main": seen.main}
    return Step(RESTART, args, argv, f"restart {unit.name}: {how}")


def replaced(step: Step, seen: Shown) -> bool | None:
    """Whether the main process is another than the one that the step ends. None: there is none, so that a restart may
    be on its way."""
    return seen.main != step.args["main"] if seen.main else None


def plan(offer: Offer, how: str, unit: Unit, seen: Shown, queue: str, others: Sequence[str], now: float) -> Plan:
    """`queue`: what becomes of its queue; `others`: who else is in the unit."""
    if how not in (ASK, KILL):
        raise Refused(f"its process is told to end in one of two ways, {ASK} and {KILL}, not {clean(how, 20)!r}")
    kill = how == KILL
    if kill and not seen.main:
        raise Refused(f"{unit.name} has no process that could be killed")
    said = (("unit", unit.name), ("ActiveState", seen.state), ("MainPID", seen.main), ("NRestarts", seen.restarts))
    return Plan(
        offer, {HOW: how}, (step(unit, kill, seen),), (Expect(offer.target, "pid", seen.main, WITHIN, Test.DIFFERS),),
        interrupts=(*([queue] if queue else []), *(f"{each}, which is in the same unit" for each in others)),
        based_on=tuple(Evidence(what, f"systemctl show {unit.name}", now, str(value)) for what, value in said),
    )  # fmt: skip


def mended(said: Health, now: Standing, id: Id) -> Health:
    """With what can be done about it from here."""
    if not isinstance(now.unit, Unit):
        return said
    return structs.replace(said, remedy=Remedy(f"restart {now.unit.name}", RESTART, id))


# --- what is looked at and done ---------------------------------------------------------------------------


class Restart:
    """The restarting of one zone. What `look` has found is what is offered."""

    def __init__(self, id: Id, make: Make, permission: sudo.Permission) -> None:
        self.id, self._make, self._permission = id, make, permission
        self.now = Standing()
        self._last: Unit | None = None

    async def look(self, pid: int | Unknown | None, io: IO) -> Standing:
        """Finds the unit of this process (None: its process is not there any more)."""
        try:
            with io.part("unit") as part:
                self.now = await part.thread(_look, self._make, pid, self._last, self.id.local, within=LOOK)
        except OSError as error:
            self.now = Standing(Unknown(Why.UNREACHABLE, clean(error)))
        if isinstance(self.now.unit, Unit):
            self._last = self.now.unit
        return self.now

    async def offers(self, io: IO, hung: bool = False) -> tuple[Offer, ...]:
        unit = self.now.unit
        return (offer(self.id, unit, hung, await self._blocked(unit, io)),) if isinstance(unit, Unit) else ()

    async def offered(self, zone: Zone, io: IO) -> Zone:
        """The zone with its unit, and with what this can do for it."""
        unit = self.now.unit
        offers = (*zone.offers, *await self.offers(io))
        return structs.replace(zone, unit=unit.name if isinstance(unit, Unit) else unit, offers=offers)

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        """Asks nobody but systemd and the kernel."""
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
        asked = (name, *([player_helper.KILL] if kill else []))
        if uid is None and os.geteuid():
            await sudo.by_sudo((player_helper.RESTART, *asked), io)
            return
        with io.part("unit") as part:
            if uid is None:
                await part.thread(player_helper.player_restart, *asked, within=LOOK)
            else:
                await part.thread(systemd.restart, Unit(name, uid), kill, within=LOOK)

    async def done(self, step: Step, io: IO) -> bool | None:
        """Whether the unit has another main process than before the step; None where it has none."""
        name, uid = step.args["unit"], step.args["uid"]
        assert isinstance(name, str)
        assert uid is None or isinstance(uid, int)
        with io.part("unit") as part:
            seen = await part.thread(systemd.show, Unit(name, uid), within=LOOK)
        return replaced(step, seen)

    async def _blocked(self, unit: Unit, io: IO, afresh: bool = False) -> str:
        own = os.geteuid()
        asked = unit.uid is None and own != 0
        return blocked(unit, own, asked and await self._permission.given(io, afresh))


def _look(make: Make, pid: int | Unknown | None, last: Unit | None, address: str) -> Standing:
    """Blocking. Raises OSError."""
    if isinstance(pid, Unknown):
        return Standing(pid)
    if pid == os.getpid():
        return Standing(Unknown(Why.NOT_APPLICABLE, "its process is this program"))
    if pid:
        unit = systemd.unit_of(pid)
        reason = beyond(pid, unit, os.geteuid())
        if unit is None or reason:
            return Standing(Unknown(Why.NOT_APPLICABLE, reason))
        return standing(pid, unit, systemd.show(unit))
    if last:
        seen = systemd.show(last)
        return Standing(last, seen.main, seen.history)
    if systemd.BOOTED.is_dir():
        for seen in systemd.known(make.units):
            if make.is_server(seen.start) and make.answers_at(seen.start, address):
                return Standing(Unit(seen.id), seen.main, seen.history)
    return Standing(NOWHERE)


def _basis(make: Make, unit: Unit, pid: int, kill: bool) -> tuple[Shown, str, list[str]]:
    """What a plan rests on: the unit, what becomes of the queue, and the other players in the unit. Blocking. Raises
    OSError."""
    others = [make.called(other) for other in servers(make) if other != pid and systemd.unit_of(other) == unit]
    return systemd.show(unit), make.queue(pid, kill) if pid else "", others


def servers(make: Make) -> list[int]:
    """The processes that are one by their command line, whoever's they are. Blocking."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # it has ended
            if make.is_server(process.cmdline()):
                found.append(process.pid)
    return found


def permission_to_restart() -> sudo.Permission:
    return sudo.Permission(*PERMISSION)


def needs(make: Make, user: str) -> list[Need]:
    """What has to be permitted where players are units of the system; nothing where none is. Blocking."""
    found = (systemd.unit_of(pid) for pid in servers(make))
    units = sorted({unit.name for unit in found if unit and unit.uid is None})
    if not units:
        return []
    what, root = f"permission to restart {', '.join(units)}", os.geteuid() == 0
    allowed = root or asyncio.run(sudo.permitted(children.run, *PERMISSION))
    said = "root" if root else "by sudo" if allowed else "an ordinary user"
    return [Need(what, allowed, said, sudo.mend(user))]
