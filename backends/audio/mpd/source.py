"""MPD, the Music Player Daemon, as a zone: its protocol through python-mpd2, and its idle events. The position is
polled once a second, because a position that does not move is the only sign of a dead output."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct, structs

from backends import sudo
from backends.audio import restart
from backends.audio.endpoints import connections, listens, server, whose
from backends.audio.mpd import model
from backends.audio.mpd.client import CLIENT, ask, connected, listening, read, refresh
from backends.audio.mpd.restart import MPD
from backends.audio.pace import PACE_RULES
from backends.audio.restart import RESTART, Restart, permission_to_restart
from backends.audio.rules import ZONE_RULES
from backends.audio.systemd import Unit
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
    clean,
)
from backends.failures import health_of
from backends.foreign import is_address
from backends.helper.players import is_mpd
from backends.kinds import PLAYBACK, ZONE, Number, Zone
from backends.programs import is_installed, program_of

if TYPE_CHECKING:
    from backends.audio.mpd.bounded import BoundedClient

USUAL_PORTS = range(6600, 6611)
POLL, IDLE_POLL, HEARTBEAT = 1.0, 2.0, 20.0  # seconds between polls: position; a zone that does not play; clients


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`endpoints`: addresses such as "127.0.0.1:6600". Empty: the servers that answer on loopback's usual ports and are
    not Mopidy."""

    endpoints: list[str] = []

    def __post_init__(self) -> None:
        for endpoint in self.endpoints:
            if not is_address(endpoint):
                said = f"endpoints: {clean(endpoint)!r} is not an address; expected one such as 127.0.0.1:6600"
                raise ValueError(said)


class MpdSource:
    """One MPD server, which is one zone."""

    def __init__(self, host: str, endpoint: str, permission: sudo.Permission | None = None) -> None:
        self.host, self.endpoint = host, endpoint
        self.name = f"mpd {endpoint}"
        self.address = endpoint
        self.id = Id(host, "zone", endpoint)
        self._pid: int | Unknown = Unknown()
        self._whose = ""  # the stranger whose process that is
        self.program = ""  # the file of the running program
        self._jumps = 0
        self._restart = Restart(self.id, MPD, permission or permission_to_restart())

    async def watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        await io.load(CLIENT)
        try:
            async with contextlib.aclosing(self._watch(io)) as observations:
                async for observation in observations:
                    yield observation
        except (ConnectionError, TimeoutError) as error:
            yield await self._unwell(error, io)

    async def _unwell(self, error: Exception, io: IO) -> Observation:
        """Why it does not answer, and how to restart it."""
        health, pid = health_of(error), None
        if hung := health.state is State.HUNG:
            with io.part("process") as part:
                pid = await part.thread(server, self.endpoint, is_mpd)
        now = await self._restart.look(pid, io)
        if isinstance(now.unit, Unit) and not hung:
            health = structs.replace(health, sentence=f"{health.sentence}; {now.unit.name} is {now.state}")
        offers = await self._restart.offers(io, hung)
        zone = model.unanswering(self.id, pid, now.unit, offers)
        return Observation(restart.with_remedy(health, now, self.id), (zone,) if offers else ())

    async def _watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        async with connected(self.endpoint) as client, listening(client, self.endpoint) as changes:
            self._pid = await io.thread(server, self.endpoint, is_mpd)
            self._whose = await io.thread(whose, self._pid)
            self.program = await io.thread(program_of, self._pid, "mpd") or self.program
            await self._restart.look(self._pid, io)
            said, next_look = model.Said(), 0.0
            phones: Number = Unknown()
            while True:
                steady = time.monotonic()
                self._jumps = changes.jumps  # before the read, so that the read is at least as new
                if steady >= next_look:
                    phones, next_look = await self._phones(io), steady + HEARTBEAT
                    changes.pending = True
                if changes.pending:
                    changes.pending = False
                    said = await read(client, self.endpoint)
                else:
                    said = await refresh(client, self.endpoint, said)
                zone = self._zone(said, client, phones, io.clock())
                yield Observation(upserts=(await self._restart.offered(zone, io),), complete=True)
                pause = POLL if zone.state == "playing" else IDLE_POLL
                await changes.wait(pause - io.clock() % pause, io)

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        if offer.action == RESTART:
            return await self._restart.plan(offer, args, io)
        async with connected(self.endpoint) as client:
            zone, commands, expect = await self._work_out(client, offer, args, io.clock())
        based_on = zone.proof(PLAYBACK, "software volume")
        return Plan(offer, dict(args), self._steps(commands), expect, based_on=based_on)

    async def do(self, step: Step, io: IO) -> None:
        if step.do == RESTART:
            await self._restart.do(step, io)
            return
        words = step.args["words"]
        assert isinstance(words, tuple)
        async with connected(self.endpoint) as client:
            await ask(self.endpoint, getattr(client, step.do)(*words))

    async def done(self, step: Step, io: IO) -> bool | None:
        return await self._restart.done(step, io) if step.do == RESTART else None

    async def _work_out(
        self, client: BoundedClient, offer: Offer, args: Mapping[str, str], now: float
    ) -> tuple[Zone, list[model.Command], tuple[Expect, ...]]:
        """The zone as it is now, the commands of the action, and the expected result."""
        said = await read(client, self.endpoint)
        zone = self._zone(said, client, Unknown(), now)
        return zone, *model.work_out(zone, said, offer.action, args)

    def _steps(self, commands: Sequence[model.Command]) -> tuple[Step, ...]:
        return tuple(model.step(self.endpoint, command) for command in commands)

    def _zone(self, said: model.Said, client: BoundedClient, phones: Number, now: float) -> Zone:
        return model.zone(self.id, said, str(client.mpd_version), self._pid, phones, self._jumps, now, self._whose)

    async def _phones(self, io: IO) -> Number:
        """How many other clients it has."""
        port = urlsplit(f"//{self.endpoint}").port or 0
        if isinstance(self._pid, Unknown):
            return self._pid
        count = await io.thread(connections, self._pid, port)
        return count if isinstance(count, Unknown) else max(0, (count or 0) - 1)


# --- discovery --------------------------------------------------------------------------------------------


async def discover(context: Context, io: IO) -> Sequence[Source]:
    """The configured servers, or those that answer on loopback's usual ports. A server that accepts and does not answer
    counts (it may hang); Mopidy's MPD frontend does not: it is a zone already."""
    endpoints = context.settings.endpoints
    if not endpoints:
        usual = [f"127.0.0.1:{port}" for port in USUAL_PORTS]
        there = await listens(usual)
        if there:
            await io.load(CLIENT)
        found = await asyncio.gather(*map(_is_mpd, there))
        answering = [address for address, yes in zip(there, found, strict=True) if yes]
        known = [source for source in context.known if isinstance(source, MpdSource)]
        down = await io.thread(lambda: [source.address for source in known if is_installed(source.program)])
        endpoints = list(dict.fromkeys([*answering, *down]))
    permission = permission_to_restart()
    return [MpdSource(context.host, endpoint, permission) for endpoint in endpoints]


async def _is_mpd(address: str) -> bool:
    try:
        async with connected(address) as client:
            return not model.is_mopidy((await read(client, address)).outputs)
    except TimeoutError:
        return True
    except (OSError, ValueError, Refused):
        return False


def needs(context: Context) -> Sequence[Need]:
    where = ", ".join(context.settings.endpoints) or "127.0.0.1, ports 6600 to 6610"
    return [
        Need("an MPD server", True, f"looked for at {where}"),
        *restart.needs(MPD, context.environ.get("USER", "USER")),
    ]


backend = Backend("mpd", (ZONE,), (*ZONE_RULES, *PACE_RULES), discover, needs, Settings)
