"""What can go wrong between a source and its system, switchable: a proxy for sockets, and tricks with files."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from backends.contract import State

LATE = 6.0  # seconds by which answers are delayed: longer than every deadline a backend should have
REFUSED_OR_WRONG = frozenset((State.REFUSED, State.WRONG))

# What a source that talks over one connection must make of each fault.
SOCKET_FAULTS: dict[str, frozenset[State]] = {
    "late": frozenset((State.HUNG,)),
    "hung": frozenset((State.HUNG,)),
    "half-open": frozenset((State.HUNG,)),
    "gone": frozenset((State.REFUSED,)),
    "cut": REFUSED_OR_WRONG,
    "random": REFUSED_OR_WRONG,
    "huge": REFUSED_OR_WRONG | {State.HUNG},  # an answer that never ends, or none
    "shape": frozenset((State.WRONG,)),
}


class Proxy:
    """Stands in front of `target` ("host:port", or the path of a unix socket). `listen` is a path for a unix
    socket of its own; without it, an ephemeral loopback port. `twist` makes answers of the wrong shape: it replaces
    bytes by as many others."""

    def __init__(self, target: str, listen: Path | None = None, twist: tuple[bytes, bytes] = (b"{", b"[")) -> None:
        assert len(twist[0]) == len(twist[1])
        self.target, self.listen, self.twist, self.mode, self.port = target, listen, twist, "well", 0
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    @property
    def address(self) -> str:
        return str(self.listen) if self.listen else f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        if self.listen:
            self.listen.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(self._accept, self.listen)
        else:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Refuses from now on, and cuts every connection."""
        if self._server:
            self._server.close()
            self._server = None
        await self._cut()

    async def fault(self, mode: str) -> None:
        """`well`, or one of SOCKET_FAULTS. What is connected stays so if it would in life, and is cut otherwise."""
        was, self.mode = self.mode, mode
        self._changed.set()
        self._changed = asyncio.Event()
        if mode == "gone":
            await self.close()
        elif was == "gone":
            await self.start()
        elif {mode, was} - {"hung", "late", "well"}:
            await self._cut()

    async def _cut(self) -> None:
        for task in tuple(self._serving):
            task.cancel()
        if self._serving:
            await asyncio.wait(self._serving)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            match self.mode:
                case "half-open":
                    await asyncio.Event().wait()
                case "random":
                    writer.write(random.randbytes(300) + b"\n")
                    await writer.drain()
                case "huge":
                    while True:
                        writer.write(b"x" * 65536)
                        await writer.drain()
                case _:
                    await self._carry(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self.target.rpartition(":")
        if host:
            inner, outer = await asyncio.open_connection(host, int(port))
        else:
            inner, outer = await asyncio.open_unix_connection(self.target)
        ways = (asyncio.ensure_future(self._pump(reader, outer)), asyncio.ensure_future(self._answer(inner, writer)))
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            outer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._held()
                writer.write(data)
                await writer.drain()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = random.randrange(1, 300)  # bytes until it is cut, if it is
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._held()
                if self.mode == "late":
                    await asyncio.sleep(LATE)
                if self.mode == "shape":
                    data = data.replace(*self.twist)
                if self.mode == "cut":
                    data, left = data[:left], left - len(data)
                writer.write(data)
                await writer.drain()
                if left <= 0:
                    return

    async def _held(self) -> None:
        while self.mode == "hung":
            await self._changed.wait()


@contextlib.asynccontextmanager
async def proxied(proxy: Proxy) -> AsyncIterator[Proxy]:
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()


class BrokenFile:
    """One file of a tree, replaced by something worse until it is mended."""

    def __init__(self, path: Path) -> None:
        self.path, self._kept = path, path.read_bytes()

    def _clear(self) -> None:
        if self.path.is_dir():
            shutil.rmtree(self.path)
        else:
            self.path.unlink(missing_ok=True)

    def fifo(self) -> None:
        """Whoever reads it hangs."""
        self._clear()
        os.mkfifo(self.path)

    def unreadable(self) -> None:
        """Reading it is an error, for root as well."""
        self._clear()
        self.path.mkdir()

    def garbage(self) -> None:
        self._clear()
        self.path.write_bytes(random.randbytes(3000))

    def missing(self) -> None:
        self._clear()

    def mend(self) -> None:
        """As it was; readers that hang come back."""
        if self.path.is_fifo():
            with contextlib.suppress(OSError):  # nobody reads
                os.close(os.open(self.path, os.O_WRONLY | os.O_NONBLOCK))
        self._clear()
        new = self.path.with_name(f".{self.path.name}-mended")
        new.write_bytes(self._kept)
        new.replace(self.path)
