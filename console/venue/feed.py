"""Where observations come from and where plans go. Here: the sources in this process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from backends import registry
from backends.clock import MACHINE, Clock
from backends.contract import Backend, Health, Id, Observation, Offer, Plan, Source, State, Step, StepChecker, source_id
from backends.runtime import Runtime

LOOK_AGAIN = 20.0  # seconds between searches for new sources


class Control(Protocol):
    """Takes plans to the sources they belong to."""

    async def plan(self, source: Id, offer: Offer, args: Mapping[str, str]) -> Plan: ...

    async def do(self, source: Id, step: Step) -> str | None: ...

    async def done(self, source: Id, step: Step) -> bool | None: ...


class Feed(Protocol):
    """What the venue listens to. `control` is None where nothing can be changed."""

    control: Control | None

    async def start(self) -> tuple[list[Backend], int]:
        """Loads and discovers. Returns the backends and how many sources there are to wait for."""

    def batches(self) -> AsyncIterator[list[Observation]]:
        """What has been observed, whenever there is anything: the newest of every source."""

    async def stop(self) -> None: ...


class LocalFeed:
    """Every backend installed here, with what its section of the configuration says."""

    def __init__(
        self, host: str, sections: Mapping[str, Mapping[str, Any]], environ: Mapping[str, str], clock: Clock = MACHINE
    ) -> None:
        self._host, self._sections, self._environ, self._clock = host, sections, environ, clock
        self._runtime = Runtime(clock)
        self._backends: list[Backend] = []
        self._failed: dict[str, Health] = {}
        self._search: asyncio.Task[None] | None = None
        self.control: Control | None = self

    async def start(self) -> tuple[list[Backend], int]:
        self._backends, broken = await asyncio.to_thread(registry.load_all)
        for name, health in broken.items():
            self._runtime.report(self._host, name, health)
        await self._discover()
        self._search = asyncio.create_task(self._keep_discovering())
        return self._backends, len(self._runtime.sources) + len(self._failed) + len(broken)

    def batches(self) -> AsyncIterator[list[Observation]]:
        return self._runtime.batches()

    async def plan(self, source: Id, offer: Offer, args: Mapping[str, str]) -> Plan:
        async with asyncio.timeout(10):
            return await self._runtime.sources[source].plan(offer, args, self._runtime.io(source))

    async def do(self, source: Id, step: Step) -> str | None:
        try:
            async with asyncio.timeout(60):
                return await self._runtime.sources[source].do(step, self._runtime.io(source))
        finally:  # one that failed may have done something as well
            self._runtime.touch(source)

    async def done(self, source: Id, step: Step) -> bool | None:
        asked = self._runtime.sources[source]
        if not isinstance(asked, StepChecker):
            return None
        async with asyncio.timeout(10):
            return await asked.done(step, self._runtime.io(source))

    async def stop(self) -> None:
        if self._search:
            self._search.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._search
        await self._runtime.stop()

    async def _keep_discovering(self) -> None:
        while True:
            await self._clock.sleep(LOOK_AGAIN)
            await self._discover()

    async def _discover(self) -> None:
        """Starts what has come, and ends what a search that went well does not find any more."""
        found = await asyncio.gather(*map(self._search_for, self._backends))
        for backend, (sources, health) in zip(self._backends, found, strict=True):
            self._runtime.start(sources, backend.name)
            name = f"{backend.name} discovery"
            if health.state is not State.OK or name in self._failed:  # said when it fails, and when it recovers
                self._runtime.report(self._host, name, health)
            if health.state is not State.OK:
                self._failed[name] = health
                continue
            self._failed.pop(name, None)
            for lost in set(self._runtime.of(backend.name)).difference(map(source_id, sources)):
                await self._runtime.leave(lost)

    async def _search_for(self, backend: Backend) -> tuple[Sequence[Source], Health]:
        known = [self._runtime.sources[id] for id in self._runtime.of(backend.name)]
        section = self._sections.get(backend.name, {})
        return await registry.discover(backend, self._host, section, self._environ, known)
