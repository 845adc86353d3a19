"""Where observations come from and where plans go. Here: the sources in this process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from backends import registry
from backends.contract import Backend, Health, Ledger, Observation, Offer, Plan, State
from backends.runtime import Runtime

LOOK_AGAIN = 20.0  # seconds between searches for new sources


class Control(Protocol):
    """Takes plans to the sources they belong to."""

    async def plan(self, source: str, offer: Offer, args: Mapping[str, str]) -> Plan: ...

    async def execute(self, source: str, plan: Plan, ledger: Ledger) -> None: ...


class Feed(Protocol):
    """What the venue listens to. `control` is None where nothing can be changed."""

    control: Control | None

    async def start(self) -> tuple[list[Backend], int]:
        """Loads and discovers. Returns the backends and how many sources there are to wait for."""

    def observations(self) -> AsyncIterator[Observation]: ...

    async def stop(self) -> None: ...


class LocalFeed:
    """Every backend installed here, with what its section of the configuration says."""

    def __init__(self, host: str, sections: Mapping[str, Mapping[str, Any]], environ: Mapping[str, str]) -> None:
        self._host, self._sections, self._environ = host, sections, environ
        self._runtime = Runtime()
        self._backends: list[Backend] = []
        self._failed: dict[str, Health] = {}
        self._search: asyncio.Task[None] | None = None
        self.control: Control | None = self

    async def start(self) -> tuple[list[Backend], int]:
        self._backends, broken = await asyncio.to_thread(registry.load_all)
        for name, health in broken.items():
            self._runtime.report(name, health)
        await self._discover()
        self._search = asyncio.create_task(self._keep_discovering())
        return self._backends, len(self._runtime.sources) + len(self._failed) + len(broken)

    def observations(self) -> AsyncIterator[Observation]:
        return self._runtime.observations()

    async def plan(self, source: str, offer: Offer, args: Mapping[str, str]) -> Plan:
        async with asyncio.timeout(10):
            return await self._runtime.sources[source].plan(offer, args, self._runtime.io(source))

    async def execute(self, source: str, plan: Plan, ledger: Ledger) -> None:
        async with asyncio.timeout(60):
            await self._runtime.sources[source].execute(plan, ledger, self._runtime.io(source))

    async def stop(self) -> None:
        if self._search:
            self._search.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._search
        await self._runtime.stop()

    async def _keep_discovering(self) -> None:
        while True:
            await asyncio.sleep(LOOK_AGAIN)
            await self._discover()

    async def _discover(self) -> None:
        found = await asyncio.gather(
            *(registry.discover(b, self._host, self._sections.get(b.name, {}), self._environ) for b in self._backends)
        )
        for backend, (sources, health) in zip(self._backends, found, strict=True):
            self._runtime.start(sources, backend.late)
            name = f"{backend.name} discovery"
            if health.state is not State.OK or name in self._failed:  # said when it fails, and when it recovers
                self._runtime.report(name, health)
            if health.state is not State.OK:
                self._failed[name] = health
            else:
                self._failed.pop(name, None)
