"""Restarting a player: what its systemd unit's process is told to do, planned from what is known on this machine alone,
as a Mopidy that hangs answers nothing.

SIGTERM lets Mopidy save its queue, if it is told to (core/restore_state), and go on there; one that hangs or runs away
does not obey it, and systemd would wait for a minute and a half. SIGKILL loses the queue.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from backends import sudo
from backends.audio import player_helper, systemd
from backends.audio.mopidy.config import config_files, frontend_of, is_server, merged
from backends.audio.mopidy.players import Player, players, servers
from backends.audio.mopidy.process import Process, of
from backends.audio.systemd import Shown, Unit
from backends.contract import (
    IO,
    Arg,
    Evidence,
    Expect,
    Id,
    Ledger,
    Need,
    Offer,
    Plan,
    Refused,
    Risk,
    Step,
    Test,
    Unknown,
    Why,
    clean,
)
from backends.kinds import Flag

RESTART, HOW, ASK, KILL = "restart", "how", "ask", "kill"
WITHIN = 30.0  # seconds: a cold start of nine takes 12, and one that is asked to end may take as long
LOOK = 8.0  # seconds for finding the process, and for what systemctl says of it
PERMISSION = (player_helper.RESTART, "mopidy.service")  # what sudo is asked about
USUAL = "mopidy*.service"  # where a unit is looked for that has no process
NOWHERE = Unknown(Why.NOT_APPLICABLE, "it has no process here that is known")


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


def step(unit: Unit, kill: bool, failed: bool) -> Step:
    how = "kill all its processes (SIGKILL), then start it anew" if kill else "end its process (SIGTERM), start another"
    sudo = "" if unit.uid is not None else "sudo "
    commands = systemd.restarting(unit, kill, failed)
    return Step(f"restart {unit.name}: {how}", "; ".join(f"{sudo}{' '.join(each)}" for each in commands))


def plan(offer: Offer, how: str, unit: Unit, seen: Shown, restores: Flag, others: Sequence[str], now: float) -> Plan:
    """`restores`: whether its configuration lets it keep its queue; `others`: who else is in the unit."""
    if how not in (ASK, KILL):
        raise Refused(f"its process is told to end in one of two ways, {ASK} and {KILL}, not {clean(how, 20)!r}")
    kill, failed = how == KILL, seen.active == "failed"
    if kill and not seen.main:
        raise Refused(f"{unit.name} has no process that could be killed")
    said = (("unit", unit.name), ("ActiveState", seen.state), ("MainPID", seen.main), ("NRestarts", seen.restarts))
    queue = (_queue(kill, restores),) if seen.main else ()
    return Plan(
        offer, {HOW: how}, (step(unit, kill, failed),), (Expect(offer.target, "pid", seen.main, WITHIN, Test.DIFFERS),),
        interrupts=(*queue, *(f"{each}, which is in the same unit" for each in others)),
        based_on=tuple(Evidence(what, f"systemctl show {unit.name}", now, str(value)) for what, value in said),
    )  # fmt: skip


def _queue(kill: bool, restores: Flag) -> str:
    if kill:
        return "its queue is lost: what is killed saves nothing"
    match restores:
        case Unknown():
            return f"its queue is lost, unless core/restore_state is on: {restores.detail}"
        case True:
            return "silent until it has started; then it goes on with its queue: core/restore_state is on"
    return "its queue is lost: core/restore_state is off"


def starts_at(seen: Shown, address: str) -> bool:
    """Whether the unit starts a Mopidy whose HTTP frontend should listen there."""
    config = merged([Path(each) for each in config_files(seen.start)])
    return is_server(seen.start) and frontend_of(config, seen.start, "http", "6680") == address


# --- what is looked at and done ---------------------------------------------------------------------------


class Restart:
    """The restarting of one zone. What `look` has found is what is offered."""

    def __init__(self, id: Id, permission: sudo.Permission) -> None:
        self.id, self._permission = id, permission
        self.now = Standing()
        self._last: Unit | None = None

    async def look(self, pid: int | Unknown | None, io: IO) -> Standing:
        """Finds the unit of this process (None: its process is not there any more)."""
        try:
            with io.part("unit") as part:
                self.now = await part.thread(_look, pid, self._last, self.id.local, within=LOOK)
        except OSError as error:
            self.now = Standing(Unknown(Why.UNREACHABLE, clean(error)))
        if isinstance(self.now.unit, Unit):
            self._last = self.now.unit
        return self.now

    async def offers(self, io: IO, hung: bool = False) -> tuple[Offer, ...]:
        unit = self.now.unit
        return (offer(self.id, unit, hung, await self._blocked(unit, io)),) if isinstance(unit, Unit) else ()

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        """Asks nobody but systemd and the kernel."""
        unit, pid = self.now.unit, self.now.pid
        if isinstance(unit, Unknown):
            raise Refused(unit.detail)
        if reason := await self._blocked(unit, io, afresh=True):
            raise Refused(reason)
        here = await players(io)
        with io.part("unit") as part:
            seen, process, others = await part.thread(_basis, unit, pid, here, within=LOOK)
        if seen.main != pid:
            raise Refused(f"{unit.name} has another process now, {seen.main}")
        how = args.get(HOW) or offer.args[0].default
        return plan(offer, how, unit, seen, process.restores, others, io.clock())

    async def execute(self, plan: Plan, ledger: Ledger, io: IO) -> None:
        fresh = await self.plan(plan.offer, plan.args, io)
        if fresh.steps != plan.steps or fresh.expect != plan.expect:
            raise Refused("its unit is not as it was when this was planned")
        unit, kill = self.now.unit, plan.args[HOW] == KILL
        assert isinstance(unit, Unit)
        await ledger.step(plan.steps[0].text)
        asked = (unit.name, *([player_helper.KILL] if kill else []))
        if unit.uid is None and os.geteuid():
            await sudo.by_sudo((player_helper.RESTART, *asked))
            return
        with io.part("unit") as part:
            if unit.uid is None:
                await part.thread(player_helper.player_restart, *asked, within=LOOK)
            else:
                await part.thread(systemd.restart, unit, kill, within=LOOK)

    async def _blocked(self, unit: Unit, io: IO, afresh: bool = False) -> str:
        own = os.geteuid()
        asked = unit.uid is None and own != 0
        return blocked(unit, own, asked and await self._permission.given(io.clock(), afresh))


def _look(pid: int | Unknown | None, last: Unit | None, address: str) -> Standing:
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
        for seen in systemd.known(USUAL):
            if starts_at(seen, address):
                return Standing(Unit(seen.id), seen.main, seen.history)
    return Standing(NOWHERE)


def _basis(unit: Unit, pid: int, here: Sequence[Player]) -> tuple[Shown, Process, list[str]]:
    """What a plan rests on: the unit, the process's configuration, and the other players in the unit. Blocking. Raises
    OSError."""
    others = [each for each in here if each.pid != pid and systemd.unit_of(each.pid) == unit]
    return systemd.show(unit), of(pid) if pid else Process(), [each.http or f"process {each.pid}" for each in others]


def permission_to_restart() -> sudo.Permission:
    return sudo.Permission(*PERMISSION)


def needs(user: str) -> list[Need]:
    """What has to be permitted where players are units of the system; nothing where none is. Blocking."""
    found = (systemd.unit_of(pid) for pid in servers())
    units = sorted({unit.name for unit in found if unit and unit.uid is None})
    if not units:
        return []
    what, root = f"permission to restart {', '.join(units)}", os.geteuid() == 0
    allowed = root or asyncio.run(sudo.permitted(*PERMISSION))
    said = "root" if root else "by sudo" if allowed else "an ordinary user"
    return [Need(what, allowed, said, sudo.mend(user))]
