"""Runs one backend in a real venue for the contract suite, with a sibling beside it and a hand on its pulse."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from backends.contract import IO, Backend, Id, Observation, Offer, Plan, Refused, Resource, State, Step
from console.venue.feed import LocalFeed
from console.venue.journal import Journal
from console.venue.operate import Operator
from console.venue.state import VenueState
from console.venue.venue import Venue
from tests.contract.pulse import Pulse
from tests.patience import BOUND, POLL, until_async

HOST = "venue1"


class OneFeed(LocalFeed):
    """A feed of one backend, whether it is installed or not, and what it has said."""

    def __init__(self, backend: Backend, section: Mapping[str, Any]) -> None:
        super().__init__(HOST, {backend.name: section}, {})
        self._backends = [backend]
        self.said: list[Observation] = []

    @property
    def runtime(self) -> Any:
        return self._runtime

    async def start(self) -> tuple[list[Backend], int]:
        await self._discover()
        self._runtime.start([Sibling()])
        return self._backends, len(self._runtime.sources)

    async def batches(self) -> AsyncIterator[list[Observation]]:
        async for batch in super().batches():
            self.said += batch
            yield batch


class Sibling:
    """A source that is always well and takes its thread twenty times a second."""

    name, host = "sibling", HOST

    async def watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        while True:
            await io.thread(int)
            yield Observation()
            await asyncio.sleep(POLL)

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        raise Refused("nothing to do")

    async def do(self, step: Step, io: IO) -> None:
        raise Refused("nothing to do")


class Run:
    """One backend in its venue. `source` is the source under test."""

    def __init__(self, feed: OneFeed, venue: Venue, source: Id, pulse: Pulse) -> None:
        self.feed, self.venue, self.source, self.pulse = feed, venue, source, pulse
        self.operator = Operator(venue, "tester")

    @property
    def said(self) -> list[Observation]:
        return [observation for observation in self.feed.said if observation.source == self.source]

    @property
    def state(self) -> State:
        return self.said[-1].health.state if self.said else State.STARTING

    @property
    def resources(self) -> dict[Id, Resource]:
        state = self.venue.state
        return {id: state.current[id] for id in state.owned(self.source) if id in state.current}

    @property
    def beats(self) -> int:
        """How often its sibling has spoken."""
        return sum(observation.source.local == Sibling.name for observation in self.feed.said)

    async def until(self, true: Callable[[], object], what: str = "") -> None:
        """Fails with what is known instead."""

        def seen() -> str:
            last = self.said[-1].health if self.said else "nothing"
            return f"{self.source} said {last}; {list(self.resources)[:20]}"

        await until_async(true, what, news=self.venue.changed, seen=seen)

    async def again(self, times: int = 3) -> None:
        """Waits until the source has spoken so many times more."""
        spoken = len(self.said)
        await self.until(lambda: len(self.said) >= spoken + times)

    async def well(self) -> None:
        """Waits until the source has said something good, from now on."""
        before = len(self.said)
        await self.until(lambda: any(o.health.state is State.OK for o in self.said[before:]))


@contextlib.asynccontextmanager
async def running(backend: Backend, section: Mapping[str, Any], source: str, folder: Path) -> AsyncIterator[Run]:
    """`source` may be the beginning of its name."""
    feed = OneFeed(backend, section)
    venue = Venue(VenueState(HOST), Journal(folder / "journal.sqlite"))
    running = asyncio.create_task(venue.run(feed))
    pulse = Pulse()
    try:
        known = asyncio.Event()
        venue.listeners.append(lambda update: known.set())  # the first one says that discovery is over
        await asyncio.wait_for(known.wait(), BOUND)
        name = next(id for id in feed.runtime.sources if id.local.startswith(source))
        run = Run(feed, venue, name, pulse)
        await run.until(lambda: run.state is State.OK and run.resources)
        beating = asyncio.create_task(pulse.feel())  # from now on: imports happen once, and are not the source's fault
        yield run
        beating.cancel()
    finally:
        running.cancel()
        await asyncio.wait({running}, timeout=BOUND)
