"""What listens on LXD's socket and answers without end is refused before it fills the memory, by both clients."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from backends.containers import lxd_reader
from backends.containers.lxd_client import IN_LOOP, LONGEST, Api
from backends.testing.memory import spared
from tests.patience import limit

ENOUGH = 100 << 20  # bytes after which even this server ends: a client without a bound must not fill the machine
PIECE = b" " * 65536
ZIPPED = zlib.compressobj(wbits=31)
BOMB = b"".join(ZIPPED.compress(PIECE) for _ in range(ENOUGH // len(PIECE))) + ZIPPED.flush()
MODULES = (httpx,)  # imported before the memory is measured

HEADS = {
    "length": f"HTTP/1.1 200 OK\r\nContent-Length: {1 << 40}\r\n\r\n".encode(),
    "no length": b"HTTP/1.1 200 OK\r\n\r\n",
    "one chunk": f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{1 << 40:x}\r\n".encode(),
    "error": f"HTTP/1.1 500 No\r\nContent-Length: {1 << 40}\r\n\r\n".encode(),
    "zipped": f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(BOMB)}\r\n\r\n".encode(),
}


def says(how: str, mebibytes: int) -> str:
    """What is compressed was not asked for, and is not unpacked."""
    return "no JSON" if how == "zipped" else f"more than {mebibytes} MiB"


@contextlib.asynccontextmanager
async def endless(folder: Path, how: str) -> AsyncIterator[str]:
    """The path of such a socket."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError), contextlib.closing(writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HEADS[how])
            for at in range(0, len(BOMB) if how == "zipped" else ENOUGH, len(PIECE)):
                writer.write(BOMB[at : at + len(PIECE)] if how == "zipped" else PIECE)
                await writer.drain()

    path = folder / "lxd.socket"
    async with await asyncio.start_unix_server(serve, path):
        yield str(path)


@pytest.mark.parametrize("how", HEADS)
async def test_an_endless_answer_to_a_reading_is_refused(how: str, tmp_path: Path) -> None:
    async with limit(), endless(tmp_path, how) as path:
        client = lxd_reader.connect(path)
        with contextlib.closing(client), spared(), pytest.raises(ValueError, match=says(how, LONGEST >> 20)):
            await asyncio.to_thread(lxd_reader.everything, client)


@pytest.mark.parametrize("how", HEADS)
async def test_an_endless_answer_to_a_call_is_refused(how: str, tmp_path: Path) -> None:
    async with limit(), endless(tmp_path, how) as path, Api.open(path) as api:
        with spared(), pytest.raises(ValueError, match=says(how, IN_LOOP >> 20)):
            await api.operations("default")
