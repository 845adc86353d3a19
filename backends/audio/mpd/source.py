"""MPD, the Music Player Daemon, as a zone: its own protocol by python-mpd2, its idle events, and the position asked
once a second, because a position that stands still is the only sign of a dead output."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct

from backends.audio.endpoints import connections, listener, listens
from backends.audio.mpd import model
from backends.audio.mpd.client import ask, connected, listening, load, read, refresh
from backends.audio.rules import ZONE_RULES
from backends.contract import (
    IO,
    Backend,
    Context,
    Expect,
    Id,
    Ledger,
    Need,
    Observation,
    Offer,
    Plan,
    Refused,
    Source,
    Unknown,
    clean,
)
from backends.kinds import ZONE, Number, Zone

if TYPE_CHECKING:
    from mpd.asyncio import MPDClient

USUAL_PORTS = range(6600, 6611)
POLL, IDLE_POLL, HEARTBEAT = 1.0, 2.0, 20.0  # seconds: the position; whether it still answers; who is connected


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`endpoints`: addresses such as "127.0.0.1:6600". Empty: whatever answers on loopback's usual ports and is not a
    Mopidy."""

    endpoints: list[str] = []

    def __post_init__(self) -> None:
        for endpoint in self.endpoints:
            if not _is_address(endpoint):
                raise ValueError(f"endpoints: {clean(endpoint)!r} is no address; right would be 127.0.0.1:6600")


def _is_address(endpoint: str) -> bool:
    try:
        parts = urlsplit(f"//{endpoint}")
        return bool(parts.hostname) and bool(parts.port) and endpoint == parts.netloc
    except ValueError:
        return False


class MpdSource:
    """One MPD server, which is one zone."""

    def __init__(self, host: str, endpoint: str) -> None:
        self.host, self.endpoint = host, endpoint
        self.name = f"mpd {endpoint}"
        self.id = Id(host, "zone", endpoint)
        self._pid: int | Unknown = Unknown()

    async def watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        await io.thread(load)
        async with connected(self.endpoint) as client, listening(client, self.endpoint) as changes:
            self._pid = await io.thread(listener, self.endpoint)
            said, next_look = model.Said(), 0.0
            phones: Number = Unknown()
            while True:
                steady = time.monotonic()
                if steady >= next_look:
                    phones, next_look = await self._phones(io), steady + HEARTBEAT
                    changes.pending = True
                if changes.pending:
                    changes.pending = False
                    said = await read(client, self.endpoint)
                else:
                    said = await refresh(client, self.endpoint, said)
                zone = self._zone(said, client, phones, changes.jumps, io.clock())
                yield Observation(upserts=(zone,), complete=True)
                pause = POLL if zone.state == "playing" else IDLE_POLL
                await changes.wait(pause - io.clock() % pause)

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        async with connected(self.endpoint) as client:
            zone, command, expect = await self._work_out(client, offer, args, io.clock())
        based_on = tuple(item for item in zone.evidence if item.what in ("state", "volume"))
        return Plan(offer, dict(args), (model.step(self.endpoint, command),), (expect,), based_on=based_on)

    async def execute(self, plan: Plan, ledger: Ledger, io: IO) -> None:
        async with connected(self.endpoint) as client:
            _, command, _ = await self._work_out(client, plan.offer, plan.args, io.clock())
            step = model.step(self.endpoint, command)
            if (step,) != plan.steps:
                raise Refused("the zone is not as it was when this was planned")
            await ledger.step(step.text)
            await ask(self.endpoint, getattr(client, command[0])(*command[1:]))

    async def _work_out(
        self, client: MPDClient, offer: Offer, args: Mapping[str, str], now: float
    ) -> tuple[Zone, model.Command, Expect]:
        """The zone as it is now, the command that the action is, and what must follow."""
        said = await read(client, self.endpoint)
        zone = self._zone(said, client, Unknown(), Unknown(), now)
        return zone, *model.work_out(zone, said, offer.action, args)

    def _zone(self, said: model.Said, client: MPDClient, phones: Number, jumps: Number, now: float) -> Zone:
        return model.zone(self.id, said, str(client.mpd_version), self._pid, phones, jumps, now)

    async def _phones(self, io: IO) -> Number:
        """How many are connected to it beside us."""
        port = urlsplit(f"//{self.endpoint}").port or 0
        if isinstance(self._pid, Unknown):
            return self._pid
        count = await io.thread(connections, self._pid, port)
        return count if isinstance(count, Unknown) else max(0, (count or 0) - 1)


# --- discovery --------------------------------------------------------------------------------------------


async def discover(context: Context, io: IO) -> Sequence[Source]:
    """The configured servers, or those that answer on loopback's usual ports. One that accepts and stays silent counts
    (it may hang); a Mopidy that speaks the protocol does not: it is a zone already."""
    endpoints = context.settings.endpoints
    if not endpoints:
        usual = [f"127.0.0.1:{port}" for port in USUAL_PORTS]
        there = await listens(usual)
        if there:
            await io.thread(load)
        found = await asyncio.gather(*map(_is_mpd, there))
        endpoints = [address for address, yes in zip(there, found, strict=True) if yes]
    return [MpdSource(context.host, endpoint) for endpoint in endpoints]


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
    return [Need("an MPD server", True, f"looked for at {where}")]


backend = Backend("mpd", (ZONE,), ZONE_RULES, discover, needs, Settings)
