"""The live side of an LXD: its events over WebSocket, its operations over REST, both on the unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from backends.contract import IO, Refused, clean

MODULES = ("httpx", "httpcore", "websockets.asyncio.client")  # imported by the source's thread
PING = 2.0  # seconds between pings, and until a missing pong means that LXD hangs
ANSWER = 5.0  # seconds for a request that does no work
LONGEST = 8 << 20  # bytes of an answer that a thread decodes: a running instance with its state takes 3 KiB
IN_LOOP = 1 << 20  # bytes of an answer that the event loop decodes: more would hold up every key
PLAIN = {"Accept-Encoding": "identity"}  # what is compressed has no bound until it is unpacked, so it is refused


class Answer:
    """The body of an answer while it comes in, of at most `most` bytes."""

    def __init__(self, most: int = LONGEST) -> None:
        self.body, self._most = bytearray(), most

    def add(self, piece: bytes) -> None:
        """Raises ValueError where the answer is longer."""
        self.body += piece
        if len(self.body) > self._most:
            raise ValueError(f"what answers there sends more than {self._most >> 20} MiB")

    def decoded(self) -> dict[str, Any]:
        """Raises ValueError where it is no JSON object."""
        try:
            said = json.loads(self.body)
        except ValueError as error:
            raise ValueError(f"what answers there speaks no JSON: {clean(error)}") from error
        if not isinstance(said, dict):
            raise ValueError(f"LXD answers with a {type(said).__name__} where an object should be")
        return said


class Event(Struct):
    """A frame of /1.0/events."""

    type: str
    metadata: dict[str, Any]
    project: str = "default"


class Events:
    """What LXD tells everybody."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    @staticmethod
    @contextlib.asynccontextmanager
    async def open(path: str) -> AsyncIterator[Events]:
        """Raises OSError or TimeoutError as the socket does, ValueError where no LXD answers."""
        import websockets
        from websockets.exceptions import InvalidHandshake

        url = "ws://lxd/1.0/events?all-projects=true&type=operation,lifecycle"
        # No compression: it is the same machine. No proxy: environment variables must not matter.
        connecting = websockets.unix_connect(
            path, url, open_timeout=3, ping_interval=PING, ping_timeout=PING, max_queue=1024, compression=None
        )
        try:
            socket = await connecting
        except InvalidHandshake as error:
            raise ValueError(f"what listens on {path} is no LXD: {clean(error)}") from error
        try:
            yield Events(socket)
        finally:
            socket.transport.abort()  # no closing handshake with what may hang

    async def hear(self, seconds: float, gather: float, io: IO) -> list[Event]:
        """The next event, if there is one before `io.wait` returns, and what follows it within `gather` seconds: bursts
        in one piece.

        Raises TimeoutError when LXD has stopped answering pings, ConnectionError when it has gone.
        """
        first = asyncio.ensure_future(self._receive())
        await io.wait(seconds, first)
        if first.cancelled():
            return []
        heard = [_event(first.result())]
        end = asyncio.get_running_loop().time() + gather
        while True:
            try:
                async with asyncio.timeout_at(end):
                    heard.append(_event(await self._receive()))
            except TimeoutError:
                if asyncio.get_running_loop().time() < end:
                    raise
                return heard

    async def _receive(self) -> bytes:
        from websockets.exceptions import ConnectionClosed

        try:
            return await self._socket.recv(decode=False)  # type: ignore[no-any-return]
        except ConnectionClosed as error:
            if error.sent and error.sent.code == 1011:  # our own keep-alive gave up
                raise TimeoutError("LXD is connected but does not answer") from error
            raise ConnectionError("LXD closed the connection") from error


def _event(message: bytes) -> Event:
    return msgspec.json.decode(message, type=Event)


class Api:
    """LXD's REST calls that start and follow operations."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @staticmethod
    @contextlib.asynccontextmanager
    async def open(path: str) -> AsyncIterator[Api]:
        import httpx

        transport = httpx.AsyncHTTPTransport(uds=path, verify=False, trust_env=False)  # no CA files to read
        async with httpx.AsyncClient(
            transport=transport, base_url="http://lxd", trust_env=False, timeout=None, headers=PLAIN
        ) as client:
            yield Api(client)

    async def call(self, method: str, path: str, body: object = None, within: float = ANSWER, **query: str) -> Any:
        """The `metadata` of the answer. Raises Refused with LXD's own words, OSError, TimeoutError or ValueError."""
        import httpx

        answer = Answer(IN_LOOP)
        try:
            async with (
                asyncio.timeout(within),
                self._client.stream(method, path, json=body, params=query) as stream,
            ):
                async for piece in stream.aiter_raw():
                    answer.add(piece)
        except TimeoutError as error:
            raise TimeoutError(f"LXD did not answer within {within:g} s") from error
        except httpx.TransportError as error:
            raise ConnectionError(clean(error) or "LXD closed the connection") from error
        said = answer.decoded()
        if said.get("type") == "error":
            raise Refused(f"LXD says: {clean(said.get('error', ''), 1000)}")
        return said["metadata"]

    async def operations(self, project: str) -> list[dict[str, Any]]:
        """A project's operations, running and just ended. (5.0.2 lists no other way than by project.)"""
        listed = await self.call("GET", "/1.0/operations", recursion="1", project=project)
        return [op for ops in (listed or {}).values() for op in ops]

    async def run(self, method: str, path: str, body: object, project: str, within: float) -> None:
        """Starts an operation and follows it to its end. Raises Refused with the reason if it fails.

        `within` bounds how long it is followed, in seconds; LXD goes on with it all the same.
        """
        operation = await self.call(method, path, body, project=project)
        wait = f"/1.0/operations/{quote(str(operation['id']), safe='')}/wait"
        ended = await self.call("GET", wait, None, within + ANSWER, timeout=str(round(within)), project=project)
        if ended.get("status") not in ("Success", "Running", "Pending"):
            raise Refused(f"LXD says: {clean(ended.get('err') or ended.get('status'), 1000)}")
        if ended["status"] != "Success":
            raise TimeoutError(f"LXD is still at it after {within:g} s")
