"""Sources that come and go: found by discovery, told apart by their hosts, let go when they are not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence

import pytest

from backends.contract import IO, Backend, Context, Health, Id, Observation, Source, State, source_id
from backends.kinds import SOURCE, ZONE, Zone
from console.venue.feed import LocalFeed
from console.venue.journal import Journal
from console.venue.state import VenueState
from console.venue.venue import Venue
from tests.backends.scripted import Scripted
from tests.patience import limit

PORT = "127.0.0.1:6681"


def player(host: str, state: str = "playing") -> Scripted:
    """A player at the address that players on every host have."""

    async def watch(io: IO) -> AsyncGenerator[Observation, None]:
        zone = Zone(id=Id(host, "zone", PORT), name="bar", state=state)
        yield Observation(upserts=(zone,), complete=True)
        await asyncio.Event().wait()

    made = Scripted(f"player {PORT}", watch)
    made.host = host
    return made


class Found(LocalFeed):
    """A feed whose searches find what the test says, and start when it says so."""

    def __init__(self, searches: Sequence[Callable[[Context], Sequence[Source]]]) -> None:
        super().__init__("h", {}, {})
        self._searches = iter(searches)
        self.context: Context | None = None

        async def discover(context: Context, io: IO) -> Sequence[Source]:
            self.context = context
            return next(self._searches)(context)

        self._backends = [Backend("players", (ZONE,), (), discover, lambda context: ())]

    async def search(self) -> None:
        await self._discover()

    async def told(self, venue: Venue, when: Callable[[], object]) -> None:
        """Takes in what the sources say until it is so."""
        batches = self.batches()
        async with limit():
            while not when():
                venue.take(await anext(batches))


@pytest.fixture
def venue(tmp_path: object) -> Venue:
    made = Venue(VenueState("h"), Journal(tmp_path / "j"))  # type: ignore[operator]
    made.state.add_kinds((SOURCE, ZONE))
    made.awaited = 0
    return made


async def test_two_hosts_with_the_same_endpoint_are_two_sources(venue: Venue) -> None:
    first, second = player("alpha"), player("beta", "paused")
    feed = Found([lambda context: [first, second]])
    await feed.search()
    await feed.told(venue, lambda: len(venue.state.of_kind("zone")) == 2)
    assert {id.host: zone.state for id, zone in venue.state.current.items() if isinstance(zone, Zone)} == {
        "alpha": "playing", "beta": "paused",
    }  # fmt: skip
    assert set(venue.state.health) == {source_id(first), source_id(second)}
    assert [venue.state.source_of(Id(host, "zone", PORT)) for host in ("alpha", "beta")] == list(venue.state.health)
    await feed.stop()


async def test_a_source_that_is_not_found_any_more_leaves_with_what_it_told(venue: Venue) -> None:
    bar = player("h")
    feed = Found([lambda context: [bar], lambda context: [], lambda context: [player("h", "paused")]])
    await feed.search()
    await feed.told(venue, lambda: venue.state.of_kind("zone"))
    await feed.search()
    await feed.told(venue, lambda: not venue.state.health)
    assert list(venue.state.gone) == [Id("h", "zone", PORT)]
    assert source_id(bar) not in venue.state.current
    assert venue.complete
    await feed.search()  # and is found again
    await feed.told(venue, lambda: venue.state.of_kind("zone"))
    assert venue.state.gone == {}
    await feed.stop()


async def test_one_that_is_only_down_is_known_to_the_search_and_stays(venue: Venue) -> None:
    bar = player("h")
    feed = Found([lambda context: [bar], lambda context: context.known])
    await feed.search()
    await feed.search()
    assert feed.context
    assert feed.context.known == (bar,)
    await feed.told(venue, lambda: venue.state.of_kind("zone"))
    await feed.stop()


async def test_a_search_that_fails_loses_nobody(venue: Venue) -> None:
    def fails(context: Context) -> Sequence[Source]:
        raise OSError("the bus is gone")

    feed = Found([lambda context: [player("h")], fails])
    await feed.search()
    await feed.search()
    await feed.told(venue, lambda: len(venue.state.health) == 2)
    assert venue.state.of_kind("zone")
    discovery = venue.state.health[Id("h", "source", "players discovery")]
    assert discovery == Health(State.REFUSED, "the bus is gone", discovery.remedy)
    await feed.stop()
