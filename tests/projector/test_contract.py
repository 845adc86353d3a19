"""The projector of the tests keeps the contract."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from foh_projector import backend

from backends.contract import Backend
from backends.testing.beds import Bed, SocketBed
from backends.testing.faults import SOCKET_FAULTS, Proxy, proxied
from backends.testing.suite import Contract
from tests.projector.server import projector


@contextlib.asynccontextmanager
async def bed(backend: Backend = backend) -> AsyncIterator[SocketBed]:
    async with projector() as device, proxied(Proxy(f"127.0.0.1:{device.port}", twist=(b'"lamp"', b'"limp"'))) as proxy:

        def say(text: str) -> None:
            device.title = text.encode("utf-8", "replace").decode()  # its JSON has no lone surrogates

        yield SocketBed(backend, "projector ", {"endpoints": [proxy.address]}, proxy, say)


class TestProjector(Contract):
    faults, actions = SOCKET_FAULTS, 4

    def bed(self, folder: Path) -> AbstractAsyncContextManager[Bed]:
        return bed()
