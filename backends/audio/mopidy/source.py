"""Mopidy 3.4 and 4 over its WebSocket: JSON-RPC to read and act, and events.

Mopidy sends no event for a lost board and none for the position, so the position is polled once a second. It is
never extrapolated, because a position that does not move is the only sign of a dead output.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from functools import partial

from msgspec import Struct, structs

from backends import sudo
from backends.audio import restart
from backends.audio.endpoints import listens
from backends.audio.mopidy import model, unwell
from backends.audio.mopidy.actions import ACTIONS
from backends.audio.mopidy.client import CLIENT, Core, connected, is_http
from backends.audio.mopidy.log import LogReport
from backends.audio.mopidy.phones import Phones
from backends.audio.mopidy.phones import look as phones_of
from backends.audio.mopidy.player_log import PlayerLog
from backends.audio.mopidy.players import STEADY, ListedPlayer, Neighbours, meant_for, neighbours, players
from backends.audio.mopidy.process import PlayerProcess, behind
from backends.audio.mopidy.restart import MOPIDY
from backends.audio.mopidy.rules import MOPIDY_QUESTIONS, MOPIDY_RULES
from backends.audio.mopidy.zone import MOPIDY_ZONE, MopidyZone
from backends.audio.pace import PACE_RULES
from backends.audio.restart import RESTART, Restart, permission_to_restart
from backends.audio.rules import ZONE_RULES
from backends.contract import (
    IO,
    Backend,
    Context,
    Expect,
    Id,
    Need,
    Observation,
    Offer,
    Plan,
    Refused,
    Source,
    State,
    Step,
    Unknown,
    Why,
    clean,
)
from backends.failures import health_of
from backends.kinds import PLAYBACK, ZONE
from backends.programs import is_installed, program_of
from backends.secrets import address_of, without_password
from backends.unusable import Unusable

USUAL_PORTS = range(6680, 6691)
POLL, IDLE_POLL, HEARTBEAT = 1.0, 2.0, 20.0  # seconds between polls: position; a zone that does not play; everything
NO_RIVAL = Unknown(Why.NOT_APPLICABLE, "no other process was started for its port")
KNOWN = 1.0  # seconds for the answer to discovery
AGAIN = 2.0  # seconds until the MPD frontend is checked again while it does not answer


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`endpoints`: URLs such as "http://127.0.0.1:6681". Empty: the servers that answer on loopback's usual ports and,
    if `processes`, the Mopidy processes of this host, at the address where each should answer."""

    endpoints: list[str] = []
    processes: bool = True

    def __post_init__(self) -> None:
        for endpoint in self.endpoints:
            if not is_http(endpoint):
                raise ValueError(
                    f"endpoints: {clean(endpoint)!r} is not a URL; expected one such as http://127.0.0.1:6681"
                )


class MopidySource:
    """One Mopidy server, which is one zone."""

    def __init__(self, host: str, endpoint: str, permission: sudo.Permission | None = None) -> None:
        self.host = host
        self.endpoint = endpoint.rstrip("/")
        self.address = address_of(self.endpoint)
        self.name = f"mopidy {self.address}"
        self.id = Id(host, "zone", self.address)
        self._process: PlayerProcess = PlayerProcess()
        self.program = ""  # the file of the running program
        self._log = PlayerLog()
        self._restart = Restart(self.id, MOPIDY, permission or permission_to_restart())
        self._zone: MopidyZone | None = None
        self._counts = model.Counts()
        self._core: Core | None = None  # while it is connected

    async def watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        await io.load(CLIENT)
        try:
            async with contextlib.aclosing(self._watch(io)) as observations:
                async for observation in observations:
                    yield observation
        except (ConnectionError, TimeoutError) as error:
            yield await self._unwell(error, io)

    async def _unwell(self, error: Exception, io: IO) -> Observation:
        """Why it does not answer, with what is known of its process."""
        health = health_of(error)
        if hung := health.state is State.HUNG:
            process = await self._behind(io)
            now = await self._restart.look(process.pid, io)
        else:
            with io.part("processes") as processes:
                meant = meant_for(await players(processes), self.address, Unknown())
            process = PlayerProcess(meant.pid) if meant else PlayerProcess()
            now = await self._restart.look(meant.pid if meant else None, io)
            why = unwell.why(meant, now, await self._log.last_words(meant.pid if meant else None, io))
            health = structs.replace(health, sentence=health.sentence + why)
        offers = await self._restart.offers(io, hung)
        zone = unwell.zone(self.id, process, now, offers, self._zone, io.clock())
        return Observation(restart.with_remedy(health, now, self.id), (zone,) if offers else ())

    async def _behind(self, io: IO) -> PlayerProcess:
        try:
            with io.part("process") as part:
                return await part.thread(behind, self.address)
        except TimeoutError:  # listing the processes hangs
            return PlayerProcess()

    async def _watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        async with self._open() as core, contextlib.AsyncExitStack() as stack:
            self._process = await io.thread(behind, self.address)
            self.program = await io.thread(program_of, self._process.pid, "mopidy") or self.program
            await self._log.find(self._process.pid, stack, io)
            await self._restart.look(self._process.pid, io)
            next_full = next_look = 0.0
            phones, among, processes = Phones(), Neighbours(), stack.enter_context(io.part("processes"))
            here: Sequence[ListedPlayer] | None = None
            while True:
                now, steady = io.clock(), time.monotonic()  # a clock that is set back must not delay the next read
                self._counts = core.counts  # before the read, so that the read is at least as new as the counts
                if core.pending or self._zone is None or steady >= next_full:
                    core.pending = False
                    zone = await self._read(core, now)
                    next_full = steady + HEARTBEAT
                else:
                    zone = await self._tick(core, self._zone, now)
                if steady >= next_look:
                    phones = await phones_of(self._process.mpd, self._process.pid, io)
                    next_look = steady + (AGAIN if isinstance(phones.mpd, Unknown) else HEARTBEAT)
                if (found := await players(processes, STEADY)) is not here:
                    here, among = found, neighbours(found, self.id, self._process.pid)
                history = partial(core.call, "core.history.get_history")
                log = await self._log.report(core.settled, zone.state == "playing", history)
                self._zone = zone
                joined = _combined(zone, phones, log, among)
                yield Observation(upserts=(await self._restart.offered(joined, io),), complete=True)
                pause = POLL if zone.state == "playing" else IDLE_POLL
                await core.wait(pause - io.clock() % pause, io)  # all zones poll together: one repaint, not nine

    @contextlib.asynccontextmanager
    async def _open(self) -> AsyncIterator[Core]:
        async with connected(self.endpoint) as core:
            self._core = core
            try:
                yield core
            finally:
                self._core = None

    @contextlib.asynccontextmanager
    async def _asking(self) -> AsyncIterator[Core]:
        """The open connection, or a new one."""
        if self._core:
            yield self._core
            return
        async with connected(self.endpoint) as core:
            yield core

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        if offer.action == RESTART:
            return await self._restart.plan(offer, args, io)
        async with self._asking() as core:
            zone, calls, expect = await self._work_out(core, offer, args, io.clock())
        based_on = zone.proof(PLAYBACK, "software volume")
        return Plan(offer, dict(args), self._steps(calls), expect, based_on=based_on)

    async def do(self, step: Step, io: IO) -> None:
        if step.do == RESTART:
            await self._restart.do(step, io)
            return
        async with self._asking() as core:
            try:
                await (core.until_it_plays() if step.do == model.POSITION else core.call(step.do, step.args))
            except TimeoutError as error:
                raise TimeoutError(f"{self.name} did not answer; it may still do it when it answers again") from error

    async def done(self, step: Step, io: IO) -> bool | None:
        return await self._restart.done(step, io) if step.do == RESTART else None

    async def _work_out(
        self, core: Core, offer: Offer, args: Mapping[str, str], now: float
    ) -> tuple[MopidyZone, list[model.RpcCall], tuple[Expect, ...]]:
        """The zone as it is now, the calls of the action, and the expected result."""
        zone = await self._read(core, now)
        action = ACTIONS.get(offer.action)
        if action is None:
            raise Refused(f"Mopidy has no action {offer.action!r}")
        return zone, *await action(core, zone, args)

    def _steps(self, calls: Sequence[model.RpcCall]) -> tuple[Step, ...]:
        return tuple(
            Step(call[0], call[1], _curl(self.endpoint, *call), model.describe_call(call), call[0] in model.ONCE)
            for call in calls
        )

    async def _read(self, core: Core, now: float) -> MopidyZone:
        answers = await core.batch(model.READ)
        return self._counted(model.zone(self.id, self.endpoint, answers, self._process, now))

    async def _tick(self, core: Core, zone: MopidyZone, now: float) -> MopidyZone:
        """Reads only the position and the stream's title."""
        if zone.state == "playing":
            zone = structs.replace(zone, position=model.seconds(await core.call(model.POSITION)), at=now)
            return self._counted(zone)
        state = model.word(await core.call(model.STATE))
        return structs.replace(zone, at=now) if state == zone.state else await self._read(core, now)

    def _counted(self, zone: MopidyZone) -> MopidyZone:
        return structs.replace(zone, **structs.asdict(self._counts))


def _combined(zone: MopidyZone, phones: Phones, log: LogReport, neighbours: Neighbours) -> MopidyZone:
    """The zone from Mopidy's answers, with what its frontend, log and neighbours add."""
    rival = neighbours.rival
    return structs.replace(
        zone, mpd=phones.mpd, phones=phones.clients, log=log.log, fault=log.fault,
        rival=rival.pid if rival else NO_RIVAL, accounts=neighbours.accounts, links=(*zone.links, *neighbours.links),
        evidence=(*zone.evidence, *log.evidence, *(rival.evidence(zone.at) if rival else ())),
    )  # fmt: skip


def _curl(endpoint: str, method: str, params: Mapping[str, object]) -> tuple[str, ...]:
    body = model.dumps(model.request(1, method, params))
    url, user = without_password(endpoint)  # curl asks for the password
    login = ("-u", user) if user else ()
    return ("curl", "-sH", "Content-Type: application/json", *login, "-d", body, f"{url}/mopidy/rpc")


# --- discovery --------------------------------------------------------------------------------------------


async def discover(context: Context, io: IO) -> Sequence[Source]:
    """The configured servers, or those that `Settings` describes. A server that accepts and does not answer counts (it
    may hang); another kind of server does not."""
    endpoints, wrong = context.settings.endpoints, list[Source]()
    if not endpoints:
        there = await listens(f"127.0.0.1:{port}" for port in USUAL_PORTS)
        if there:
            await io.load(CLIENT)
        found = await asyncio.gather(*map(_is_mopidy, there))
        answering = [address for address, yes in zip(there, found, strict=True) if yes]
        here = await players(io) if context.settings.processes else ()
        meant = [player.http for player in here if player.http]
        wrong = [_misplaced(context.host, player) for player in here if player.wrong]
        known = [source for source in context.known if isinstance(source, MopidySource)]
        down = await io.thread(lambda: [source.address for source in known if is_installed(source.program)])
        endpoints = [f"http://{address}" for address in dict.fromkeys([*answering, *sorted(meant), *down])]
    permission = permission_to_restart()
    return [*(MopidySource(context.host, endpoint, permission) for endpoint in endpoints), *wrong]


def _misplaced(host: str, player: ListedPlayer) -> Source:
    """Stands for a Mopidy whose configuration gives no address at which it could be asked."""
    sentence = f"process {player.pid} is a Mopidy that cannot be watched: its http/hostname and http/port, "
    return Unusable(host, f"mopidy process {player.pid}", f"{sentence}{player.wrong!r}, are no address",
                    "correct them in its configuration, then restart it")  # fmt: skip


async def _is_mopidy(address: str) -> bool:
    try:
        async with asyncio.timeout(KNOWN), connected(f"http://{address}") as core:
            await core.call(model.VERSION)
    except TimeoutError:
        return True
    except (OSError, ValueError, Refused):
        return False
    return True


def needs(context: Context) -> Sequence[Need]:
    where = ", ".join(context.settings.endpoints) or "127.0.0.1, ports 6680 to 6690"
    found = Need("a Mopidy server with its HTTP frontend", True, f"looked for at {where}")
    return [found, *restart.needs(MOPIDY, context.environ.get("USER", "USER"))]


RULES = (*ZONE_RULES, *PACE_RULES, *MOPIDY_RULES)
backend = Backend("mopidy", (ZONE, MOPIDY_ZONE), RULES, discover, needs, Settings, MOPIDY_QUESTIONS)
