"""What the venue's state keeps: what is there, what is gone, and what was. Tables, no I/O."""

from __future__ import annotations

import pytest
from msgspec import structs

from backends.contract import (
    Evidence,
    Gone,
    Health,
    Id,
    Key,
    Link,
    Observation,
    Offer,
    Remedy,
    State,
    Unknown,
    Usage,
    Why,
)
from backends.kinds import SOURCE, ZONE, SourceHealth, Zone
from backends.rules import unwell
from console.venue.evaluate import TrackingView
from console.venue.resolver import Resolver
from console.venue.state import VenueState
from tests import fleet
from tests.console.rooms import BAR, SAYS, venue, zone


def test_time_alone_is_no_change() -> None:
    state, _ = venue(zone(evidence=(Evidence("state", "f", 100.0, "x"),)))
    again = zone(at=101.0, evidence=(Evidence("state", "f", 101.0, "x"),))
    assert state.apply(Observation(upserts=(again,), source=SAYS, at=101.0)) == set()
    assert state.current[BAR].at == 101.0
    moved = structs.replace(again, position=2)
    assert state.apply(Observation(upserts=(moved,), source=SAYS, at=102.0)) == {BAR}


def test_what_a_complete_observation_leaves_out_is_gone() -> None:
    state, _ = venue(zone())
    assert BAR in state.apply(Observation(complete=True, source=SAYS, at=101.0))
    assert BAR not in state.current
    assert state.gone[BAR] == Gone(BAR, state.gone[BAR].last, 101.0)


def test_a_source_is_about_what_it_tells_of_or_what_the_venue_file_names_at_its_address() -> None:
    state = VenueState("h", {"zone/127.0.0.1:6681": "bar", "zone/127.0.0.1:6682": "foyer"})
    bar = Id("h", "zone", "127.0.0.1:6681")
    for port, named in (("6681", [bar]), ("6690", [])):
        source = fleet.source(f"player {port}", "h")
        state.apply(Observation(Health(State.REFUSED), source=source, address=f"127.0.0.1:{port}", at=1.0))
        assert state.about(source) == named
    told = zone(id=Id("h", "zone", "else"))
    state.apply(Observation(upserts=(told,), source=SAYS, address="127.0.0.1:6681", at=1.0))
    assert state.about(SAYS) == [told.id]


@pytest.mark.parametrize("bad", [each for each in State if each is not State.OK])
def test_an_unwell_source_loses_nothing_and_claims_nothing(bad: State) -> None:
    state, _ = venue(zone())
    state.apply(Observation(Health(bad, "no"), complete=True, gone=(BAR,), source=SAYS, at=101.0))
    assert BAR not in state.gone
    now = state.current[BAR]
    assert isinstance(now, Zone)
    values = {f.name: getattr(now, f.name) for f in ZONE.fields if not f.via}
    assert all(isinstance(value, Unknown) for value in values.values())
    assert now.title == Unknown(now.title.why if isinstance(now.title, Unknown) else Why.DENIED, "no", "A")
    assert now.offers == ()


def test_what_an_unwell_source_knows_all_the_same_stands_and_nothing_else_does() -> None:
    """Also of what it has never seen well."""
    key, offer = Key("pid", "7", "h"), Offer(BAR, "restart", "restart it")
    told = Zone(id=BAR, name="bar", unit="mopidy@bar.service", keys=(key,), offers=(offer,))
    hung = Observation(Health(State.HUNG, "no", Remedy("restart it", "restart", BAR)), (told,), source=SAYS, at=101.0)
    for state in (venue(zone(unit="old.service", offers=(structs.replace(offer, action="play"),)))[0], venue()[0]):
        assert BAR in state.apply(hung)
        assert state.apply(structs.replace(hung, at=102.0)) == set()
        now = state.current[BAR]
        assert isinstance(now, Zone)
        assert (now.unit, now.keys, now.offers, state.source_of(BAR)) == ("mopidy@bar.service", (key,), (offer,), SAYS)
        assert isinstance(now.state, Unknown)
        assert isinstance(now.pid, Unknown)
        assert state.seen_at.get(SAYS, 100.0) == 100.0
    health = state.current[SAYS]
    assert isinstance(health, SourceHealth)
    (finding,) = unwell(health, TrackingView(state, Resolver(state), 102.0)).findings
    assert finding.remedies == (Remedy("restart it", "restart", BAR),)


def test_what_the_children_of_a_source_use_stands_among_its_fields() -> None:
    state = VenueState("h")
    state.add_kinds([SOURCE])
    state.apply(Observation(source=SAYS, usage=Usage(2, 1.5, 40), at=1.0))
    shown = state.current[SAYS]
    assert isinstance(shown, SourceHealth)
    assert (shown.children, shown.cpu, shown.memory) == (2, 1.5, 40)
    assert {("children", ""), ("cpu", "s"), ("memory", "MiB")} <= {(f.name, f.unit) for f in SOURCE.fields}
    state.apply(Observation(source=SAYS, at=2.0))
    shown = state.current[SAYS]
    assert isinstance(shown, SourceHealth)
    assert shown.children == 0
    assert isinstance(shown.cpu, Unknown)
    assert shown.cpu.why is Why.NOT_APPLICABLE


def test_ago_is_what_it_was_then() -> None:
    state, _ = venue(zone())
    state.apply(Observation(upserts=(zone(position=2),), source=SAYS, at=103.0))
    positions = [(s, getattr(state.ago(BAR, s, 105.0), "position", None)) for s in (0, 1, 2, 3, 5, 6)]
    assert positions == [(0, 2), (1, 2), (2, 2), (3, 1), (5, 1), (6, None)]


def test_since_when_is_without_a_break() -> None:
    state, _ = venue(zone())  # at 100: playing, position 1
    for at, changes in ((101, {"state": "stopped"}), (102, {}), (103, {"title": "B"}), (104, {"title": "B"})):
        state.apply(Observation(upserts=(zone(**changes),), source=SAYS, at=float(at)))
    start, before = state.since(BAR, ("state", "position"))
    assert (start, getattr(before, "state", None)) == (102.0, "stopped")
    assert state.since(BAR, ("position",)) == (100.0, None)
    assert state.since(BAR, ("title",))[0] == 103.0


def test_names_and_joins_of_the_venue_file() -> None:
    link = Link("board", Key("id", "board/1-1", "h"), "said so")
    state = VenueState("h", {"zone/bar": "the bar"}, {"zone/the bar": (link,)})
    state.apply(Observation(upserts=(zone(),), source=SAYS, at=1.0))
    assert (state.current[BAR].name, state.current[BAR].links) == ("the bar", (link,))
