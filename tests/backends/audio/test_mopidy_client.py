"""One connection to a Mopidy for everybody: what comes in its way, from a server that says what it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from websockets.asyncio.server import ServerConnection, serve

from backends.audio.mopidy import client, model
from backends.audio.mopidy.client import Core, connected
from backends.runtime import SourceIO
from tests.patience import BOUND, POLL, limit

Talk = Callable[[ServerConnection], Awaitable[None]]


@contextlib.asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[Core]:
    async with serve(talk, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with connected(f"http://127.0.0.1:{port}") as core:
            yield core


def answer(request: str | bytes) -> str:
    """The method that was asked for."""
    return json.dumps({"jsonrpc": "2.0", "id": 0, "result": json.loads(request)["method"]})


async def honest(socket: ServerConnection) -> None:
    async for request in socket:
        await asyncio.sleep(0)
        await socket.send(answer(request))


async def test_who_asks_at_once_gets_each_his_own_answer() -> None:
    async with talking(honest) as core:
        methods = [f"core.{number}" for number in range(20)]
        assert await asyncio.gather(*map(core.call, methods)) == methods


async def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ANSWER", POLL)
    late, answered = asyncio.Event(), asyncio.Event()

    async def slow(socket: ServerConnection) -> None:
        async for request in socket:
            await late.wait()
            await socket.send(answer(request))
            await (await socket.ping())  # whose pong comes after the answer was taken
            answered.set()

    async with talking(slow) as core:
        with pytest.raises(TimeoutError, match="connected but does not answer"):
            await core.call(model.STATE)
        late.set()
        async with limit():
            await answered.wait()
        late.clear()
        with pytest.raises(TimeoutError, match="connected but does not answer"):
            await core.call(model.POSITION)
        with pytest.raises(TimeoutError):  # so that it is connected to anew
            await core.wait(BOUND, SourceIO("s"))


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("no \x1b JSON", "not as Mopidy"),
        (b"\xff", "not as Mopidy"),
        ("[" * 100_000, "not as Mopidy"),
        ("3", "not JSON-RPC"),
        ("[]", "not JSON-RPC"),
        ('{"jsonrpc": "2.0"}', "neither a result"),
    ],
)
async def test_what_is_no_answer_is_said_to_be_none(message: str | bytes, error: str) -> None:
    async def talk(socket: ServerConnection) -> None:
        async for _ in socket:
            await socket.send(message)

    async with talking(talk) as core:
        with pytest.raises(ValueError, match=error) as raised:
            await core.call(model.STATE)
        assert str(raised.value).isprintable()


async def test_a_server_that_leaves_is_noticed_while_nobody_asks() -> None:
    leave = asyncio.Event()

    async def leaves(socket: ServerConnection) -> None:
        await leave.wait()

    async with talking(leaves) as core:
        leave.set()
        with pytest.raises(ConnectionResetError, match="has ended"):
            await core.wait(BOUND, SourceIO("s"))
        with pytest.raises(ConnectionResetError, match="has ended"):
            await core.call(model.STATE)


async def test_what_speaks_no_websocket_is_not_mopidy() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-\x1b[2J\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(ValueError, match="not as Mopidy") as raised:
        async with connected(f"http://127.0.0.1:{port}"):
            raise AssertionError("it did not connect to anything")
    assert str(raised.value).isprintable()
    server.close()
