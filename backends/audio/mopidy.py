"""Mopidy 3.4 and 4: JSON-RPC over HTTP for reading and acting, its WebSocket for events.

Mopidy sends no event for a lost board and none for the position, so the position is asked once a second; what
it says is never extrapolated, because a position that stands still is the only sign of a dead output.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct, structs

from backends.audio import mopidy_model as model
from backends.audio.mopidy_process import Process, listener
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
    Step,
    Test,
    Unknown,
)
from backends.kinds import ZONE, Zone

if TYPE_CHECKING:
    import httpx
    from websockets.asyncio.client import ClientConnection

USUAL_PORTS = range(6680, 6691)
RPC_DEADLINE = 2.0  # seconds; a healthy instance answers in 5 ms
POLL, IDLE_POLL, HEARTBEAT = 1.0, 2.0, 10.0  # seconds: the position; whether it still answers; everything
ENDED = "Mopidy has ended, or closed the connection for events"
SETTLE = 0.02  # seconds in which events come together


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`endpoints`: URLs such as "http://127.0.0.1:6681". Empty: whatever answers on loopback's usual ports."""

    endpoints: list[str] = []


class MopidySource:
    """One Mopidy server, which is one zone."""

    def __init__(self, host: str, endpoint: str) -> None:
        self.host = host
        self.endpoint = endpoint.rstrip("/")
        self.address = urlsplit(self.endpoint).netloc
        self.name = f"mopidy {self.address}"
        self.id = Id(host, "zone", self.address)
        self._process: Process = Process()
        self._zone: Zone | None = None

    async def watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        async with self._client() as client, self._events() as events:
            self._process = await io.thread(listener, self.address)
            next_full = 0.0
            while True:
                now, steady = io.clock(), time.monotonic()  # a clock that is set back must not delay the next reading
                if events.pending or self._zone is None or steady >= next_full:
                    events.pending = False
                    zone = await self._read(client, now)
                    next_full = steady + HEARTBEAT
                else:
                    zone = await self._tick(client, events, self._zone, now)
                self._zone = zone
                yield Observation(upserts=(zone,), complete=True)
                pause = POLL if zone.state == "playing" else IDLE_POLL
                await events.wait(pause - io.clock() % pause)  # all zones ask together: one repaint, not nine

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        async with self._client() as client:
            zone = await self._read(client, io.clock())
            action = ACTIONS.get(offer.action)
            if action is None:
                raise Refused(f"Mopidy has no action {offer.action!r}")
            calls, expect = await action(client, zone, args)
        steps = tuple(
            Step(f"{method} {params or ''}".strip(), _curl(self.endpoint, method, params)) for method, params in calls
        )
        based_on = tuple(item for item in zone.evidence if item.what in ("state", "volume"))
        return Plan(offer, dict(args), steps, expect, based_on=based_on)

    async def execute(self, plan: Plan, ledger: Ledger, io: IO) -> None:
        async with self._client() as client:
            for call, step in zip(model.calls_of(plan.offer.action, plan.args), plan.steps, strict=True):
                await ledger.step(step.text)
                try:
                    await rpc(client, *call)
                except TimeoutError as error:
                    raise TimeoutError(f"{self.name} did not answer; it may still obey when it wakes up") from error

    def _client(self) -> httpx.AsyncClient:
        import httpx  # 0.1 s to import: after the first frame

        secure = self.endpoint.startswith("https:")  # or no CA files are read: 10 ms in which the loop stands still
        return httpx.AsyncClient(base_url=self.endpoint, timeout=RPC_DEADLINE, trust_env=False, verify=secure)

    @contextlib.asynccontextmanager
    async def _events(self) -> AsyncIterator[Events]:
        from websockets.asyncio.client import connect

        url = self.endpoint.replace("http", "ws", 1) + "/mopidy/ws"
        try:
            socket = await connect(url, open_timeout=2, close_timeout=0.3, max_size=2**24, proxy=None)
        except TimeoutError as error:
            raise TimeoutError(f"Mopidy at {self.address} accepts but does not answer") from error
        except OSError as error:
            raise ConnectionRefusedError(f"nobody answers at {self.address}") from error
        async with socket:
            events = Events(socket)
            reader = asyncio.create_task(events.read())
            try:
                yield events
            finally:
                reader.cancel()

    async def _read(self, client: httpx.AsyncClient, now: float) -> Zone:
        answers = await batch(client, model.READ)
        return model.zone(self.id, self.endpoint, answers, self._process, now)

    async def _tick(self, client: httpx.AsyncClient, events: Events, zone: Zone, now: float) -> Zone:
        """Asks only what moves: over the open WebSocket, which costs a tenth of a request of its own."""
        if zone.state == "playing":
            return structs.replace(zone, position=model.seconds(await events.ask(model.POSITION)), at=now)
        state = model.word(await events.ask(model.STATE))
        return structs.replace(zone, at=now) if state == zone.state else await self._read(client, now)


class Events:
    """The WebSocket: remembers that something has happened at the other end, and carries single questions."""

    def __init__(self, socket: ClientConnection) -> None:
        self.pending = True
        self.ended = False
        self._socket = socket
        self._wake = asyncio.Event()
        self._answer: asyncio.Future[Any] | None = None

    async def read(self) -> None:
        from websockets.exceptions import ConnectionClosed

        with contextlib.suppress(ConnectionClosed):
            async for message in self._socket:
                said = json.loads(message)
                if "event" in said:
                    self.pending = True
                    self._wake.set()
                elif self._answer and not self._answer.done():
                    self._answer.set_result(said)
        self.ended = True
        self._wake.set()
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionResetError(ENDED))

    async def ask(self, method: str) -> Any:
        """One call's result. Raises TimeoutError, ConnectionResetError, Refused."""
        from websockets.exceptions import ConnectionClosed

        self._answer = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(RPC_DEADLINE):
                await self._socket.send(model.dumps(model.request(0, method)))
                return model.result(await self._answer)
        except TimeoutError as error:
            raise TimeoutError("Mopidy is connected but does not answer") from error
        except ConnectionClosed as error:
            raise ConnectionResetError(ENDED) from error

    async def wait(self, seconds: float) -> None:
        """Returns when the time is over or something has happened. Raises ConnectionResetError at its end."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
            if not self.ended:
                await asyncio.sleep(SETTLE)  # a track change is five events
        self._wake.clear()
        if self.ended:
            raise ConnectionResetError(ENDED)


async def batch(client: httpx.AsyncClient, methods: Sequence[str]) -> dict[str, Any]:
    """Several calls in one request: the results by method.

    Raises TimeoutError, ConnectionRefusedError, ValueError (not Mopidy)."""
    request = [model.request(number, method) for number, method in enumerate(methods)]
    return model.results(await _post(client, request), methods)


async def rpc(client: httpx.AsyncClient, method: str, params: Mapping[str, object] | None = None) -> Any:
    """One call's result. Raises what `batch` raises, and Refused with Mopidy's own words."""
    return model.result(await _post(client, model.request(0, method, params)))


async def _post(client: httpx.AsyncClient, payload: object) -> Any:
    import httpx

    try:
        response = await client.post("/mopidy/rpc", json=payload)
    except httpx.TimeoutException as error:
        raise TimeoutError(f"Mopidy at {client.base_url.netloc.decode()} accepts but does not answer") from error
    except httpx.TransportError as error:
        raise ConnectionRefusedError(f"nobody answers at {client.base_url.netloc.decode()}") from error
    if response.status_code != 200:
        raise ValueError(f"answers, but not as Mopidy: HTTP {response.status_code}")
    return response.json()


def _curl(endpoint: str, method: str, params: Mapping[str, object]) -> str:
    body = model.dumps(model.request(1, method, params))
    return f"curl -sH 'Content-Type: application/json' -d '{body}' {endpoint}/mopidy/rpc"


# --- actions: each reads what it rests on and says which calls and what must follow ------------------------


async def _state(client: httpx.AsyncClient, zone: Zone, wanted: str, action: str) -> model.Outcome:
    if zone.state == wanted:
        raise Refused(f"already {wanted}")
    return model.calls_of(action, {}), (Expect(zone.id, "state", wanted, 4),)


async def _play(client: httpx.AsyncClient, zone: Zone, args: Mapping[str, str]) -> model.Outcome:
    if zone.queue == 0:
        raise Refused("nothing is queued")
    return await _state(client, zone, "playing", "play")


async def _pause(client: httpx.AsyncClient, zone: Zone, args: Mapping[str, str]) -> model.Outcome:
    if zone.state == "stopped":
        raise Refused("it is stopped")
    return await _state(client, zone, "paused", "pause")


async def _stop(client: httpx.AsyncClient, zone: Zone, args: Mapping[str, str]) -> model.Outcome:
    return await _state(client, zone, "stopped", "stop")


async def _next(client: httpx.AsyncClient, zone: Zone, args: Mapping[str, str]) -> model.Outcome:
    return await _skip(client, zone, "next")


async def _previous(client: httpx.AsyncClient, zone: Zone, args: Mapping[str, str]) -> model.Outcome:
    return await _skip(client, zone, "previous")


async def _skip(client: httpx.AsyncClient, zone: Zone, action: str) -> model.Outcome:
    tlid = await rpc(client, f"core.tracklist.get_{action}_tlid")
    current = zone.track if isinstance(zone.track, str) else ""
    if tlid is None:
        raise Refused(f"there is no {action} track")
    if current.startswith(f"#{tlid} "):
        raise Refused("it would play the same track again")
    return model.calls_of(action, {}), (Expect(zone.id, "track", current, 4, Test.DIFFERS),)


async def _volume(client: httpx.AsyncClient, zone: Zone, args: Mapping[str, str]) -> model.Outcome:
    if isinstance(zone.volume, Unknown):
        raise Refused(zone.volume.detail)
    calls = model.calls_of("volume", args)
    wanted = calls[0][1]["volume"]
    if zone.volume == wanted:
        raise Refused(f"the volume is already {wanted} %")
    return calls, (Expect(zone.id, "volume", int(str(wanted)), 3),)


async def _soft_mute(client: httpx.AsyncClient, zone: Zone, args: Mapping[str, str]) -> model.Outcome:
    return _soft(zone, "software-mute", True)


async def _soft_unmute(client: httpx.AsyncClient, zone: Zone, args: Mapping[str, str]) -> model.Outcome:
    return _soft(zone, "software-unmute", False)


def _soft(zone: Zone, action: str, wanted: bool) -> model.Outcome:
    if isinstance(zone.soft_mute, Unknown):
        raise Refused(zone.soft_mute.detail)
    if zone.soft_mute is wanted:
        raise Refused(f"already {'' if wanted else 'un'}muted in software")
    return model.calls_of(action, {}), (Expect(zone.id, "soft_mute", wanted, 3),)


ACTIONS = {
    "play": _play,
    "pause": _pause,
    "stop": _stop,
    "next": _next,
    "previous": _previous,
    "volume": _volume,
    "software-mute": _soft_mute,
    "software-unmute": _soft_unmute,
}


# --- discovery --------------------------------------------------------------------------------------------


async def discover(context: Context, io: IO) -> Sequence[Source]:
    """The configured servers, or those that answer on loopback's usual ports. One that accepts and stays silent
    counts (it may hang); one that answers as something else does not."""
    endpoints = context.settings.endpoints
    if not endpoints:
        found = await asyncio.gather(*(_is_mopidy(port) for port in USUAL_PORTS))
        endpoints = [f"http://127.0.0.1:{port}" for port, yes in zip(USUAL_PORTS, found, strict=True) if yes]
    return [MopidySource(context.host, endpoint) for endpoint in endpoints]


async def _is_mopidy(port: int) -> bool:
    try:
        async with asyncio.timeout(0.3):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
    except OSError:
        return False
    import httpx

    async with httpx.AsyncClient(timeout=1.0, trust_env=False, verify=False) as client:
        try:
            response = await client.head(f"http://127.0.0.1:{port}/mopidy/rpc")
        except httpx.TimeoutException:
            return True
        except httpx.HTTPError:
            return False
    return "x-mopidy-version" in response.headers


def needs(context: Context) -> Sequence[Need]:
    where = ", ".join(context.settings.endpoints) or "127.0.0.1, ports 6680 to 6690"
    return [Need("a Mopidy server with its HTTP frontend", True, f"looked for at {where}")]


backend = Backend("mopidy", (ZONE,), ZONE_RULES, discover, needs, Settings)
