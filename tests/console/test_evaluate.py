"""Which rules run, and when. Tables, no I/O."""

from __future__ import annotations

from pathlib import Path

from backends.contract import (
    Gone,
    Id,
    Key,
    Link,
    Observation,
    Resource,
    Rule,
    Verdict,
    View,
)
from backends.kinds import Board, Pcm
from console.venue.evaluate import Evaluator
from console.venue.journal import Journal
from console.venue.state import VenueState
from console.venue.venue import Venue
from tests.console.rooms import AMP, BAR, CARD, HW, SAYS, TO_CARD, found, venue, zone


class Counting:
    """A rule that notes when it runs and finds what it is told to."""

    def __init__(self, *verdicts: Verdict) -> None:
        self.ran: list[float] = []
        self.verdicts = list(verdicts)

    def __call__(self, resource: Resource | Gone, view: View) -> Verdict:
        self.ran.append(view.now)
        view.follow(resource, "pcm")
        return self.verdicts.pop(0) if self.verdicts else Verdict()


def test_a_rule_runs_for_what_changed_and_for_what_it_read_and_for_nothing_else() -> None:
    pcm = Pcm(id=HW, name="bar", keys=(CARD,), state="RUNNING")
    state, resolver = venue(zone(links=(TO_CARD,)), Board(id=AMP, name="amp"), pcm)
    rule = Counting()
    evaluator = Evaluator(state, resolver)
    evaluator.add_rules("t", [Rule("count", "zone", rule)])
    evaluator.touch({BAR}, 1.0)
    evaluator.touch({AMP}, 2.0)
    assert rule.ran == [1.0]
    evaluator.touch({HW}, 3.0)
    assert rule.ran == [1.0, 3.0]


def test_a_rule_that_two_backends_bring_for_one_kind_is_run_once() -> None:
    state, resolver = venue(zone())
    rule = Counting(Verdict((found(),)))
    evaluator = Evaluator(state, resolver)
    shared = Rule("count", "zone", rule)
    evaluator.add_rules("mopidy", [shared])
    evaluator.add_rules("mpd", [shared])
    evaluator.touch({BAR}, 1.0)
    assert (rule.ran, len(evaluator.findings())) == ([1.0], 1)


def test_an_undecided_rule_keeps_what_it_found_and_is_asked_again_when_it_wanted() -> None:
    state, resolver = venue(zone())
    rule = Counting(Verdict((found(),)), Verdict(undecided=True, recheck_at=5.0), Verdict())
    evaluator = Evaluator(state, resolver)
    evaluator.add_rules("t", [Rule("r", "zone", rule)])
    assert evaluator.touch({BAR}, 1.0)
    assert not evaluator.touch({BAR}, 2.0)
    assert [f.code for f in evaluator.findings()] == ["X"]
    assert (evaluator.next_recheck(), evaluator.deciding) == (5.0, True)
    assert not evaluator.touch(set(), 4.9)
    assert evaluator.touch(set(), 5.0)
    assert (evaluator.findings(), evaluator.deciding) == ([], False)


def test_only_a_rule_that_asks_to_be_run_again_is_waited_for() -> None:
    state, resolver = venue(zone())
    evaluator = Evaluator(state, resolver)
    evaluator.add_rules("t", [Rule("u", "zone", Counting(Verdict(undecided=True)))])
    evaluator.add_rules("t", [Rule("v", "zone", Counting(Verdict(recheck_at=5.0)))])
    evaluator.touch({BAR}, 1.0)
    assert not evaluator.deciding


def test_a_broken_rule_is_a_finding() -> None:
    def broken(resource: Resource | Gone, view: View) -> Verdict:
        raise ZeroDivisionError("\x1b[31m")

    state, resolver = venue(zone())
    evaluator = Evaluator(state, resolver)
    evaluator.add_rules("t", [Rule("r", "zone", broken)])
    evaluator.touch({BAR}, 1.0)
    (finding,) = evaluator.findings()
    assert finding.code == "RULE-BROKEN"
    assert "\x1b" not in finding.cause


def test_a_rule_runs_again_when_its_far_end_is_taken_by_another(tmp_path: Path) -> None:
    """A zone links to two keys; the board of the second is its own only while nobody publishes the first."""
    first, second = Key("tcp", "first", "h"), Key("tcp", "second", "h")
    seen: list[tuple[str, list[str]]] = []

    def judge(board: Board, view: View) -> Verdict:
        seen.append((board.name, [each.name for each in view.back(board, "board")]))
        return Verdict()

    here = Venue(VenueState("h"), Journal(tmp_path / "j"))
    here.evaluator.add_rules("t", [Rule("who", "board", judge)])
    player = zone(links=(Link("board", first), Link("board", second)))
    amp = Board(id=AMP, name="amp", keys=(second,))
    here.take([Observation(source=SAYS, upserts=(player, amp), at=1.0)])
    assert seen == [("amp", ["bar"])]
    other = Board(id=Id("h", "board", "1-2"), name="other", keys=(first,))
    here.take([Observation(source=SAYS, upserts=(other,), at=2.0)])
    assert sorted(seen[1:]) == [("amp", []), ("other", ["bar"])]
