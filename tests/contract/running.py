"""Runs one backend in a real venue for the contract suite, with a sibling beside it and a hand on its pulse."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from backends.contract import IO, Backend, Id, Ledger, Observation, Offer, Plan, Refused, Resource, State
from console.venue.feed import LocalFeed
from console.venue.journal import Journal
from console.venue.operate import Operator
from console.venue.state import VenueState
from console.venue.venue import Venue

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
            await io.thread(time.sleep, 0.001)
            yield Observation()
            await asyncio.sleep(0.05)

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        raise Refused("nothing to do")

    async def execute(self, plan: Plan, ledger: Ledger, io: IO) -> None:
        raise Refused("nothing to do")


class Pulse:
    """How long the event loop stood still, at worst, while a thread beside it went on: so that a busy machine is
    not taken for a source that blocks."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._beats, self._on = 0, True

    def _beat(self) -> None:
        while self._on:
            time.sleep(0.01)
            self._beats += 1

    async def feel(self) -> None:
        threading.Thread(target=self._beat, name="pulse", daemon=True).start()
        try:
            while True:
                start, beats = time.monotonic(), self._beats
                await asyncio.sleep(0.01)
                stood = time.monotonic() - start
                if (self._beats - beats) > stood * 50:  # the thread had at least half its beats
                    self.worst = max(self.worst, stood)
        finally:
            self._on = False


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

    async def until(self, true: Callable[[], object], within: float) -> float:
        """The seconds it took. Fails with what is known instead."""
        start = time.monotonic()
        while not true():
            if time.monotonic() - start > within:
                last = self.said[-1].health if self.said else "nothing"
                raise AssertionError(f"not within {within:g} s; {self.source} said {last}; {list(self.resources)[:20]}")
            await self.venue.changed(0.05)
        return time.monotonic() - start

    async def well(self, within: float = 20.0) -> None:
        """Waits until the source has said something good, from now on."""
        before = len(self.said)
        await self.until(lambda: any(o.health.state is State.OK for o in self.said[before:]), within)


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
        await asyncio.wait_for(known.wait(), 10)
        name = next(id for id in feed.runtime.sources if id.local.startswith(source))
        run = Run(feed, venue, name, pulse)
        await run.until(lambda: run.state is State.OK and run.resources, 10)
        beating = asyncio.create_task(pulse.feel())  # from now on: imports happen once, and are not the source's fault
        yield run
        beating.cancel()
    finally:
        running.cancel()
        await asyncio.wait({running}, timeout=5)
