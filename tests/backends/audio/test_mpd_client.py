"""What answers on MPD's port without end is refused before it fills the memory, whichever answer it is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from backends.audio.mpd import bounded
from backends.audio.mpd.client import ask, connected, listening
from backends.runtime import SourceIO
from backends.testing.memory import spared
from tests.patience import NEVER, limit

ENOUGH = 100 << 20  # bytes after which even this server ends: a client without a bound must not fill the machine
LINES = b"changed: player\n" * 4096
MODULES = (bounded,)  # imported before the memory is measured


@contextlib.asynccontextmanager
async def endless() -> AsyncIterator[str]:
    """The address of a server that greets as MPD does, and answers whatever it is asked with lines and no end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError), contextlib.closing(writer):
            writer.write(b"OK MPD 0.23.5\n")
            await reader.readline()
            for _ in range(ENOUGH // len(LINES)):
                writer.write(LINES)
                await writer.drain()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_an_endless_answer_is_refused() -> None:
    async with limit(), endless() as address, connected(address) as client:
        with spared(), pytest.raises(ValueError, match="an answer of more than 1 MiB"):
            await ask(address, client.status())


async def test_changes_without_end_are_refused() -> None:
    async with limit(), endless() as address, connected(address) as client, listening(client, address) as changes:
        with spared(), pytest.raises(ValueError, match="an answer of more than 1 MiB"):
            await changes.wait(NEVER, SourceIO("mpd"))
