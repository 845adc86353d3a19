"""A change costs what it touches, whatever the size of the venue: counted in rules run, not in seconds."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest
from msgspec import structs

from backends.contract import Gone, Id, Key, Link, Observation, Rule, Verdict, View
from backends.kinds import INSTANCE, OPERATION, ZONE, Zone
from console.panes import resources
from console.venue.evaluate import Evaluator, Rechecks
from console.venue.index import Belonging, Ordered
from console.venue.journal import Journal
from console.venue.state import PAST, VenueState
from console.venue.venue import Venue
from tests import fleet
from tests.bench import scale

SOURCE = fleet.source("s", "h")


def rules_run(size: int, folder: Path) -> dict[str, int]:
    here = scale.venue(size, folder)
    counted = {}
    whole = Evaluator._judge

    def judge(self: Evaluator, *args: object) -> bool:
        counted[what] += 1
        return whole(self, *args)  # type: ignore[arg-type]

    at = here.clock.now()
    said = {
        "a zone's position": scale.position(here, 3, 5.0),
        "an instance's memory": scale.memory(here, 7, at, 5 << 20),
        "a board gone": Observation(
            source=fleet.source("usb"), backend="usb", at=at, gone=(Id(fleet.HOST, "board", "1-1.1"),)
        ),
    }
    with patch.object(Evaluator, "_judge", judge):
        for what, observation in said.items():
            counted[what] = 0
            here.take([observation])
    return counted


def test_a_change_runs_as_many_rules_in_a_venue_ten_times_as_large(tmp_path: Path) -> None:
    small, large = rules_run(300, tmp_path / "small"), rules_run(3_000, tmp_path / "large")
    assert small == large
    assert min(small.values()) > 0
    assert max(small.values()) < 60, small


def test_a_pane_writes_the_rows_that_are_looked_at(tmp_path: Path) -> None:
    here = scale.venue(3_000, tmp_path)
    written = []
    row = resources.row
    with patch.object(resources, "row", lambda *args: (written.append(1), row(*args))[1]):
        rows = resources.rows(here, "containers", 4, 80)
        assert (len(rows) > 1000, written) == (True, [])
        assert rows[4][1]
        assert len(written) == 1


@pytest.mark.parametrize("size", [9, 200])
def test_the_rows_of_a_pane_are_in_order_and_keyed(size: int, tmp_path: Path) -> None:
    here = scale.venue(size * 2, tmp_path)
    rows = resources.rows(here, "containers", 4, 80)
    names = [here.name_of(key) for key, _ in rows if isinstance(key, Id) and key.kind == INSTANCE.kind]
    assert names == sorted(names)
    assert len(names) == len(here.state.of_kind(INSTANCE.kind))
    for key, line in rows:
        if isinstance(key, Id):
            assert here.name_of(key)[:8] in "".join(text for text, _ in line)


# --- what is gone -----------------------------------------------------------------------------------------


def passing(folder: Path) -> tuple[Venue, Zone]:
    here = Venue(VenueState("h"), Journal(folder / "j"), clock=scale.Stepped(), expected=[Id("h", "zone", "expected")])
    here.state.add_kinds((ZONE, OPERATION))
    zone = Zone(id=Id("h", "zone", "passing"), name="passing", keys=(Key("tcp", "x", "h"),))
    return here, zone


def later(here: Venue, seconds: float) -> None:
    here.clock.ahead += seconds  # type: ignore[attr-defined]
    here._judge(set())


@pytest.mark.parametrize(
    ("name", "linked", "judged", "kept"),
    [
        ("passing", False, False, False),
        ("expected", False, False, True),
        ("passing", True, False, True),
        ("passing", False, True, True),
    ],
)
def test_what_is_gone_is_dropped_after_a_while_unless_somebody_needs_it(
    name: str, linked: bool, judged: bool, kept: bool, tmp_path: Path
) -> None:
    here, zone = passing(tmp_path)
    zone = structs.replace(zone, id=Id("h", "zone", name))
    if judged:
        here.evaluator.add_rules("t", [Rule("gone", "zone", _gone)])
    if linked:
        link = Link("player", Key("tcp", "x", "h"))
        other = Zone(id=Id("h", "zone", "other"), name="other", links=(link,))
        here.take([Observation(source=fleet.source("o", "h"), at=here.clock.now(), upserts=(other,))])
    here.take([Observation(source=SOURCE, at=here.clock.now(), upserts=(zone,))])
    here.take([Observation(source=SOURCE, at=here.clock.now(), complete=True)])
    later(here, PAST / 2)
    assert zone.id in here.state.gone
    later(here, PAST)
    assert (zone.id in here.state.gone) == kept
    known = (here.state._owned, here.resolver._indexed, here.evaluator._read)
    assert any(zone.id in each for each in known) == kept


def _gone(zone: Zone | Gone, view: View) -> Verdict:
    from backends.contract import Finding, Severity

    return Verdict((Finding("GONE", Severity.WARN, zone.id, "gone"),)) if isinstance(zone, Gone) else Verdict()


def test_what_came_back_is_not_dropped_for_having_been_gone(tmp_path: Path) -> None:
    here, zone = passing(tmp_path)
    there = Observation(source=SOURCE, upserts=(zone,))
    for said in (there, structs.replace(there, upserts=(), complete=True), there):
        here.take([structs.replace(said, at=here.clock.now())])
        later(here, 1.0)
    later(here, 2 * PAST)
    assert zone.id in here.state.current
    here.take([Observation(source=SOURCE, complete=True, at=here.clock.now())])
    later(here, PAST / 2)
    assert zone.id in here.state.gone


# --- the indexes ------------------------------------------------------------------------------------------


def test_few_and_many_belong_to_a_key() -> None:
    index: Belonging[str] = Belonging()
    a, b, c = (Id("h", "x", name) for name in "abc")
    for id in (a, b, c, b):
        index.add("k", id)
    assert sorted(index.of("k")) == [a, b, c]
    for id in (b, b, a):
        index.discard("k", id)
    assert index.of("k") == (c,)
    index.discard("k", a)
    assert index.of("k") == (c,)
    index.discard("k", c)
    assert (index.of("k"), len(index)) == ((), 0)


def test_a_kind_is_in_order_of_its_names() -> None:
    order = Ordered()
    ids = {name: Id("h", "x", name) for name in ("ccc", "a", "bb")}
    for name, id in ids.items():
        order.add(name, id)
    assert (list(order), order.longest, len(order)) == ([ids["a"], ids["bb"], ids["ccc"]], 3, 3)
    order.remove("ccc", ids["ccc"])
    order.remove("zz", ids["ccc"])  # which does not exist
    assert (list(order), order.longest) == ([ids["a"], ids["bb"]], 2)


def test_of_rechecks_the_latest_wish_counts() -> None:
    due, case, other = Rechecks(), ("rule", Id("h", "x", "1")), ("rule", Id("h", "x", "2"))
    due.ask(case, 5.0)
    due.ask(other, 3.0)
    due.ask(case, 2.0)
    assert due.next() == 2.0
    due.ask(case, 9.0)
    assert (due.next(), due.take(3.0), due.next()) == (3.0, {other}, 9.0)
    due.ask(case, None)
    assert (due.next(), case in due, due.take(99.0)) == (None, False, set())
    for n in range(1000):  # wishes that were changed are not kept
        due.ask(case, float(n))
    assert len(due._heap) < 100
