"""What is known of a venue, where plans for it go, and where it is written down: what runs and rules stand on."""

from __future__ import annotations

import asyncio
import contextlib

from backends.clock import MACHINE, Clock
from backends.contract import Expect, Gone, Id, Resource
from backends.kinds import SOURCE
from console.venue.feed import Control
from console.venue.journal import Journal
from console.venue.resolver import Resolver
from console.venue.state import VenueState


class Site:
    """The current resources, joined, with the journal, the clock and the control. `control` is None where nothing can
    be changed."""

    def __init__(self, state: VenueState, journal: Journal, clock: Clock = MACHINE) -> None:
        self.state, self.journal, self.clock = state, journal, clock
        self.resolver = Resolver(state)
        self.control: Control | None = None
        self._pulse = asyncio.Event()

    def name_of(self, id: Id) -> str:
        """What people call it. A source that reports a single resource goes by that resource's name."""
        if id.kind == SOURCE.kind:
            about = self.state.about(id)
            if len(about) == 1:
                return self.name_of(about[0])
        return self.state.name_of(id)

    def subject(self, expect: Expect) -> Resource | Gone | None:
        """The resource that an expectation is about."""
        resource = self.state.get(expect.target)
        if not expect.via or resource is None:
            return resource
        end = self.resolver.follow(resource, expect.via)
        return self.state.get(end) if end else None

    async def changed(self, seconds: float) -> None:
        """Returns when something has been observed, or after so many seconds."""
        with contextlib.suppress(TimeoutError):  # the time is over
            async with asyncio.timeout(seconds):
                await self._pulse.wait()

    def tell_changed(self) -> None:
        """Wakes everybody who waits in `changed`."""
        self._pulse.set()
        self._pulse.clear()

    def wall(self) -> float:
        """Now, in seconds since the epoch."""
        return self.clock.wall(self.clock.now())
