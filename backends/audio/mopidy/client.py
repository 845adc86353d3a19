"""Talking to one Mopidy: JSON-RPC over HTTP, and the WebSocket of events."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from backends.audio.mopidy import model

if TYPE_CHECKING:
    import httpx
    from websockets.asyncio.client import ClientConnection

RPC_DEADLINE = 2.0  # seconds; a healthy instance answers in 5 ms
SETTLE = 0.02  # seconds in which events come together
BEGINS = 3.0  # seconds that a track may take from `play` to its first sound
BY_ITSELF = 1.0  # seconds within which it stops by itself after a failure
BEGUN = ("track_playback_started", "track_playback_resumed")
ENDED = "Mopidy has ended, or closed the connection for events"


def load() -> None:
    """Imports the clients: 0.1 s that the event loop must not spend. For the source's thread."""
    import httpx
    import websockets.asyncio.client  # noqa: F401

    httpx.AsyncHTTPTransport(verify=False)  # which imports the rest


def is_http(endpoint: str) -> bool:
    """Whether it is a URL that can be asked."""
    try:
        parts = urlsplit(endpoint)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def http(endpoint: str) -> httpx.AsyncClient:
    """A client to use as a context. Its connections are kept: a new one costs more than a hundred calls."""
    import httpx

    secure = endpoint.startswith("https:")  # else no CA files are read, which takes 17 ms of the event loop
    return httpx.AsyncClient(base_url=endpoint, timeout=RPC_DEADLINE, trust_env=False, verify=secure)


@contextlib.asynccontextmanager
async def listening(endpoint: str, address: str) -> AsyncIterator[Events]:
    """The open WebSocket. Raises TimeoutError (accepts, says nothing) or ConnectionRefusedError."""
    from websockets.asyncio.client import connect

    url = endpoint.replace("http", "ws", 1) + "/mopidy/ws"
    try:
        socket = await connect(url, open_timeout=2, close_timeout=0.3, max_size=2**24, proxy=None)
    except TimeoutError as error:
        raise TimeoutError(f"Mopidy at {address} accepts but does not answer") from error
    except OSError as error:
        raise ConnectionRefusedError(f"nobody answers at {address}") from error
    async with socket:
        events = Events(socket)
        reader = asyncio.create_task(events.read())
        try:
            yield events
        finally:
            reader.cancel()


class Events:
    """The WebSocket: remembers that something has happened at the other end, and carries single questions."""

    def __init__(self, socket: ClientConnection) -> None:
        self.pending = True
        self.counts = model.Counts()
        self.settled = 0.0  # when it last began to play or was stopped, since the epoch
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
                    self.counts = model.counted(self.counts, said)
                    self._note(said)
                    self._wake.set()
                elif self._answer and not self._answer.done():
                    self._answer.set_result(said)
        self.ended = True
        self._wake.set()
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionResetError(ENDED))

    def _note(self, said: Mapping[str, object]) -> None:
        if said["event"] in BEGUN:
            self.settled = time.time()
        elif said.get("new_state") == "stopped":
            self.settled = max(self.settled, time.time() - BY_ITSELF)

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
            async with asyncio.timeout(seconds):
                await self._wake.wait()
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


async def until_it_plays(client: httpx.AsyncClient) -> None:
    """Waits until it plays, for some BEGINS seconds. Raises what `rpc` raises."""
    for _ in range(round(BEGINS / SETTLE)):
        if await rpc(client, model.POSITION):
            return
        await asyncio.sleep(SETTLE)


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
