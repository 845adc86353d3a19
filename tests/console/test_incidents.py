"""How findings become incidents, and how an expectation is met. Tables, no I/O."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from backends.clock import MACHINE
from backends.contract import (
    Expect,
    Finding,
    Gone,
    Id,
    Key,
    Link,
    Observation,
    Resource,
    Severity,
    Test,
    Unknown,
    Why,
)
from backends.expect import met
from backends.hardware.rules import RULES
from backends.kinds import Board, Hub
from console.venue.incidents import Incidents, correlate, missing
from console.venue.journal import Journal, OpenIncident
from console.venue.state import VenueState
from console.venue.venue import Venue
from tests import fleet
from tests.console.rooms import AMP, BAR, HW, found, zone


@pytest.mark.parametrize(
    ("findings", "groups"),
    [
        ([], {}),
        ([found("A")], {(BAR, "A"): ["A"]}),
        ([found("Z", BAR, blames=AMP), found("B", AMP)], {(AMP, "B"): ["B", "Z"]}),
        ([found("Z", BAR, blames=HW), found("P", HW, blames=AMP), found("B", AMP)], {(AMP, "B"): ["B", "P", "Z"]}),
        ([found("Z", BAR, blames=HW), found("P", HW, blames=AMP)], {(AMP, "P"): ["P", "Z"]}),
        ([found("A", AMP), found("B", AMP, Severity.CRIT)], {(AMP, "A"): ["A"], (AMP, "B"): ["B"]}),
        (
            [found("A", AMP), found("B", AMP, Severity.CRIT), found("Z", BAR, blames=AMP)],
            {(AMP, "A"): ["A"], (AMP, "B"): ["B", "Z"]},
        ),
        ([found("P", HW, blames=AMP), found("Q", AMP, blames=HW)], None),
    ],
)
def test_findings_join_under_their_root(findings: list[Finding], groups: dict[object, list[str]] | None) -> None:
    got = {key: [f.code for f in members] for key, members in correlate(findings).items()}
    if groups is None:  # a circle of blame: everything is kept, nothing hangs
        assert sorted(code for codes in got.values() for code in codes) == ["P", "Q"]
    else:
        assert {key: sorted(codes) for key, codes in got.items()} == {k: sorted(v) for k, v in groups.items()}
        assert all(codes[0] == key[1] for key, codes in got.items())


def test_an_incident_lives_until_contrary_evidence_and_worse_than_accepted_reopens_it() -> None:
    incidents = Incidents(lambda id: id.local)
    assert [c.what for c in incidents.update(correlate([found("A")]), 1.0)] == ["opened"]
    key = (BAR, "A")
    incidents.acknowledge(key, "ann")
    assert incidents.update(correlate([found("A")]), 2.0) == []
    assert incidents.open[key].acked_by == "ann"
    assert [c.what for c in incidents.update(correlate([found("A", severity=Severity.CRIT)]), 3.0)] == ["changed"]
    assert incidents.open[key].acked_by == ""
    assert [c.what for c in incidents.update({}, 4.0)] == ["cleared"]
    assert (incidents.open, incidents.cleared[0].cleared) == ({}, 4.0)


def test_order_is_worst_first_then_oldest_and_what_is_accepted_last() -> None:
    incidents = Incidents(lambda id: id.local)
    incidents.update(correlate([found("A")]), 1.0)
    incidents.update(correlate([found("A"), found("B", AMP, Severity.CRIT), found("C", HW)]), 2.0)
    assert [i.code for i in incidents.ordered(3.0)] == ["B", "A", "C"]
    incidents.acknowledge((AMP, "B"), "ann")
    incidents.silence((BAR, "A"), until=10.0)
    assert [i.code for i in incidents.ordered(3.0)] == ["C", "B", "A"]


def test_where_is_where_people_notice_it() -> None:
    incidents = Incidents(lambda id: id.local)
    incidents.update(correlate([found("B", AMP), found("Z", BAR, blames=AMP)]), 1.0)
    assert incidents.open[(AMP, "B")].where == "bar"


def test_an_acknowledgement_is_remembered_over_a_restart() -> None:
    incidents = Incidents(lambda id: id.local, {f"{BAR} A": OpenIncident(0.5, Severity.WARN, "ann")})
    incidents.update(correlate([found("A")]), 1.0)
    assert incidents.open[(BAR, "A")].acked_by == "ann"


def test_what_is_forgotten_is_not_missed_until_it_leaves_again(tmp_path: Path) -> None:
    """A hub and what was plugged into it are forgotten in one go; a board behind it alone, by itself."""
    here, hub = Venue(VenueState("h"), Journal(tmp_path / "j")), Hub(id=Id("h", "hub", "1-1"), name="1-1")
    boards = [Board(id=Id("h", "board", port), name=port) for port in ("1-1.1", "1-1.2", "1-2")]
    first, second, apart = (board.id for board in boards)
    above = [structs.replace(b, links=(Link("hub", Key("id", "hub/1-1", "h"), ""),)) for b in boards[:2]]
    here.evaluator.add_rules("usb", RULES)

    def see(*there: Resource) -> list[tuple[Id, int]]:
        here.take([Observation(source=fleet.source("usb", "h"), at=MACHINE.now(), upserts=there, complete=True)])
        return sorted((incident.root, len(incident.findings)) for incident in here.incidents.open.values())

    for leaves in range(2):  # it is missed again when it has come back in between
        assert see(hub, *above, boards[2]) == []
        here.forget([hub.id], "ann")  # it is back, by the time that somebody wants to forget it
        assert here.state.source_of(hub.id) == fleet.source("usb", "h")
        assert see() == [(apart, 1), (hub.id, 3)], leaves
        assert here.lost([first]) == [first]
        assert here.lost([hub.id]) == [first, second, hub.id]
        here.forget([apart], "ann")
        assert see() == [(hub.id, 3)]
        here.forget(here.lost([hub.id]), "ann")
        assert see() == []
        assert here.lost([hub.id, apart]) == []


def test_missing_is_what_no_finding_explains() -> None:
    assert [f.about for f in missing([BAR, AMP], {AMP})] == [BAR]


@pytest.mark.parametrize(
    ("test", "wanted", "value", "yes"),
    [
        (Test.EQUALS, "playing", "playing", True),
        (Test.EQUALS, "playing", "paused", False),
        (Test.EQUALS, True, Unknown(), False),
        (Test.DIFFERS, "playing", "paused", True),
        (Test.DIFFERS, "playing", Unknown(Why.UNREACHABLE, "", "paused"), False),
        (Test.NEAR, 40, 41, True),
        (Test.NEAR, 40, 42, False),
        (Test.NEAR, 40, "40", False),
        (Test.CONTAINS, "snap0", ("snap0", "x"), True),
        (Test.CONTAINS, "snap0", (), False),
        (Test.LACKS, "snap0", (), True),
    ],
)
def test_an_expectation_is_met_by_what_is_observed(test: Test, wanted: object, value: object, yes: bool) -> None:
    expect = Expect(BAR, "state", wanted, 1.0, test)  # type: ignore[arg-type]
    assert met(expect, zone(state=value)) is yes
    assert not met(expect, None)
    assert not met(expect, Gone(BAR, zone(state=value), 1.0))
