"""The backend keeps the contract, by the suite that ships with foh."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from foh_snapcast import backend
from snapserver import Snapserver

from backends.testing.beds import Bed, SocketBed
from backends.testing.faults import SOCKET_FAULTS, Proxy, proxied
from backends.testing.suite import Contract


@contextlib.asynccontextmanager
async def snapcast_bed(folder: Path) -> AsyncIterator[SocketBed]:
    """A real server with two speakers. A stranger's text is the name that anybody may give to one of them."""
    server = await asyncio.to_thread(Snapserver, folder / "snapserver")

    def say(text: str) -> None:
        name = text.encode("utf-8", "replace").decode()  # its JSON has no lone surrogates
        server.call("Client.SetName", id="aa:aa", name=name)

    try:
        await asyncio.to_thread(server.join, "aa:aa", "kitchen")
        await asyncio.to_thread(server.join, "bb:bb", "terrace")
        address = f"127.0.0.1:{server.port}"
        async with proxied(Proxy(address, twist=(b'"groups"', b'"gruops"'))) as proxy:
            yield SocketBed(backend, "snapcast ", {"endpoints": [proxy.address]}, proxy, say)
    finally:
        await asyncio.to_thread(server.stop)


class TestSnapcast(Contract):
    faults, actions = SOCKET_FAULTS, 4

    def bed(self, folder: Path) -> AbstractAsyncContextManager[Bed]:
        return snapcast_bed(folder)
