"""One endpoint of a backend, started for one test, that can be spoiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from backends.contract import Backend
from backends.testing.faults import Proxy
from backends.testing.stage import HOST


class Bed(Protocol):
    """One endpoint of a backend, started for one test."""

    backend: Backend
    source: str  # how the name of its source begins
    host: str  # what its ids must say
    section: Mapping[str, Any]  # its settings
    room: int  # characters that it takes from a stranger

    async def spoil(self, fault: str) -> None: ...

    async def mend(self) -> None: ...

    async def say(self, text: str) -> None:
        """Puts the text wherever the system takes text from strangers."""


class SocketBed:
    """A system behind a proxy."""

    room = 1 << 20
    section: Mapping[str, Any]

    def __init__(
        self, backend: Backend, source: str, section: dict[str, Any], proxy: Proxy, say: Callable[[str], None]
    ) -> None:
        self.backend, self.source, self.section, self.proxy = backend, source, section, proxy
        self.host, self._say = HOST, say

    async def spoil(self, fault: str) -> None:
        await self.proxy.fault(fault)

    async def mend(self) -> None:
        await self.proxy.fault("well")

    async def say(self, text: str) -> None:
        self._say(text)
