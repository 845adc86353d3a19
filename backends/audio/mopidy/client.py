"""A client of one Mopidy: JSON-RPC and events over one WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from backends.audio.mopidy import model
from backends.contract import IO, clean
from backends.foreign import is_address
from backends.secrets import address_of

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

LONGEST = 1 << 20  # bytes of a message: decoding more would delay every key. A history of 500 tracks has 150 KB
ANSWER = 2.0  # seconds; a healthy instance answers in 5 ms
SETTLE = 0.02  # seconds in which related events arrive
BEGINS = 3.0  # seconds that a track may take from `play` to its first sound
BY_ITSELF = 1.0  # seconds within which it stops by itself after a failure
BEGUN = ("track_playback_started", "track_playback_resumed")
ENDED = "Mopidy has ended, or closed the connection"
SILENT = "Mopidy is connected but does not answer"
CLIENT = "websockets.asyncio.client"  # imported by the source's thread


def is_http(endpoint: str) -> bool:
    """Whether it is an HTTP URL with a host and a valid port."""
    try:
        parts = urlsplit(endpoint)
        where = parts.netloc.rpartition("@")[2]
        address = where if parts.port else f"{where}:80"
        return endpoint.isprintable() and parts.scheme in ("http", "https") and is_address(address)
    except ValueError:
        return False


@contextlib.asynccontextmanager
async def connected(endpoint: str) -> AsyncIterator[Core]:
    """Raises TimeoutError (accepts but does not answer), ConnectionRefusedError, ValueError (not Mopidy)."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidHandshake

    url, address = endpoint.replace("http", "ws", 1) + "/mopidy/ws", address_of(endpoint)
    # No proxy: ignore the environment variables.
    connecting = connect(url, open_timeout=ANSWER, close_timeout=0.3, max_size=LONGEST, proxy=None, compression=None)
    try:
        socket = await connecting
    except TimeoutError as error:
        raise TimeoutError(f"Mopidy at {address} accepts but does not answer") from error
    except OSError as error:
        raise ConnectionRefusedError(
            f"the player is down, so the room is probably silent: nothing listens at {address}"
        ) from error
    except InvalidHandshake as error:
        raise ValueError(f"answers, but not as Mopidy: {clean(error)}") from error
    async with socket:
        core = Core(socket)
        reader = asyncio.create_task(core.read())
        try:
            yield core
        finally:
            reader.cancel()


class Core:
    """Mopidy's core API: runs the calls of all callers one after another, and collects the events."""

    def __init__(self, socket: ClientConnection) -> None:
        self.pending = True
        self.counts = model.Counts()
        self.settled = 0.0  # when it last started or stopped playback, seconds since the epoch
        self._socket = socket
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._answer: asyncio.Future[Any] | None = None
        self._error: Exception | None = None  # the error that ended the connection

    async def call(self, method: str, params: Mapping[str, object] | None = None) -> Any:
        """One call's result. Raises TimeoutError, ConnectionResetError, ValueError (not Mopidy), and Refused with
        Mopidy's own words."""
        return model.result(await self._ask(model.request(0, method, params)))

    async def batch(self, methods: Sequence[str]) -> dict[str, Any]:
        """Several calls in one request: the results by method. Raises what `call` raises."""
        request = [model.request(number, method) for number, method in enumerate(methods)]
        return model.results(await self._ask(request), methods)

    async def until_it_plays(self) -> None:
        """Waits until the position moves, for about BEGINS seconds. Raises what `call` raises."""
        for _ in range(round(BEGINS / SETTLE)):
            if await self.call(model.POSITION):
                return
            await asyncio.sleep(SETTLE)

    async def _ask(self, request: object) -> Any:
        from websockets.exceptions import ConnectionClosed

        try:
            async with asyncio.timeout(ANSWER), self._turn:
                if self._error:
                    raise self._error
                self._answer = asyncio.get_running_loop().create_future()
                try:
                    await self._socket.send(model.dumps(request))
                    return await self._answer
                finally:
                    if self._answer.cancelled():  # a late answer would be taken for the next call's
                        self._end(TimeoutError(SILENT))
        except TimeoutError as error:
            raise TimeoutError(SILENT) from error
        except ConnectionClosed as error:
            raise ConnectionResetError(ENDED) from error

    async def wait(self, seconds: float, io: IO) -> None:
        """Returns after this time or at the next event. Raises the error that ended the connection."""
        await io.wait(seconds, self._wake.wait())
        if self._wake.is_set() and not self._error:
            await asyncio.sleep(SETTLE)  # a track change is five events
        self._wake.clear()
        if self._error:
            raise self._error

    async def read(self) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            async for message in self._socket:
                self._take(json.loads(message))
            self._end(ConnectionResetError(ENDED))
        except ConnectionClosed:
            self._end(ConnectionResetError(ENDED))
        except (ValueError, RecursionError) as error:
            self._end(ValueError(f"answers, but not as Mopidy: {clean(error)}"))

    def _end(self, error: Exception) -> None:
        self._error = self._error or error
        self._wake.set()
        if self._answer and not self._answer.done():
            self._answer.set_exception(self._error)

    def _take(self, said: object) -> None:
        if isinstance(said, dict) and "event" in said:
            self.pending = True
            self.counts = model.count_event(self.counts, said)
            self._note(said)
            self._wake.set()
        elif self._answer and not self._answer.done():
            self._answer.set_result(said)

    def _note(self, said: Mapping[str, object]) -> None:
        if said["event"] in BEGUN:
            self.settled = time.time()
        elif said.get("new_state") == "stopped":
            self.settled = max(self.settled, time.time() - BY_ITSELF)
