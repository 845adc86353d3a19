"""The venue: what is applied, joined, judged and kept. Tables, no I/O."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from backends.clock import MACHINE
from backends.contract import (
    Evidence,
    Expect,
    Finding,
    Gone,
    Health,
    Id,
    Key,
    Link,
    Observation,
    Offer,
    Remedy,
    Resource,
    Rule,
    Severity,
    State,
    Test,
    Unknown,
    Usage,
    Verdict,
    View,
    Why,
)
from backends.hardware.rules import RULES
from backends.kinds import BOARD, PCM, SOURCE, ZONE, Board, Hub, Pcm, SourceHealth, Zone
from backends.rules import unwell
from console.venue.effect import met
from console.venue.evaluate import Evaluator, TrackingView
from console.venue.incidents import Incidents, correlate, missing
from console.venue.journal import Journal
from console.venue.resolver import Resolver
from console.venue.state import VenueState
from console.venue.venue import Venue
from tests import fleet

SAYS = fleet.source("s", "h")

BAR, AMP, HW = Id("h", "zone", "bar"), Id("h", "board", "1-1"), Id("h", "pcm", "hw:bar,0")


def zone(**fields: object) -> Zone:
    return structs.replace(Zone(id=BAR, name="bar", state="playing", title="A", position=1), **fields)


def venue(*resources: Resource) -> tuple[VenueState, Resolver]:
    state = VenueState("h")
    state.add_kinds((ZONE, BOARD, PCM, SOURCE))
    resolver = Resolver(state)
    resolver.update(state.apply(Observation(upserts=resources, complete=True, source=SAYS, at=100.0)))
    return state, resolver


# --- state ------------------------------------------------------------------------------------------------


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


# --- resolver ---------------------------------------------------------------------------------------------

CARD = Key("alsa-card", "bar", "h")
TO_CARD = Link("pcm", CARD, "output")


def test_a_link_finds_whoever_publishes_the_key_and_says_when_nobody_or_several_do() -> None:
    pcm = Pcm(id=HW, name="bar", keys=(CARD,))
    other = Pcm(id=Id("h", "pcm", "other"), name="other", keys=(CARD,))
    state, resolver = venue(zone(links=(TO_CARD,)))
    assert resolver.resolve(TO_CARD).ids == ()
    assert "not found" in resolver.resolve(TO_CARD).says
    resolver.update(state.apply(Observation(upserts=(pcm,), source=fleet.source("alsa", "h"), at=1.0)))
    assert resolver.follow(state.current[BAR], "pcm") == HW
    assert list(resolver.back(HW, "pcm")) == [BAR]
    resolver.update(state.apply(Observation(upserts=(other,), source=fleet.source("alsa", "h"), at=1.0)))
    assert resolver.follow(state.current[BAR], "pcm") is None
    assert "ambiguous" in resolver.resolve(TO_CARD).says


def test_what_is_there_goes_before_what_is_gone_and_a_gone_end_is_still_found() -> None:
    owner = Link("pcm", Key("pcm-owner", "7", "h"), "owner")
    old = Pcm(id=Id("h", "pcm", "old"), name="old", keys=(owner.to,))
    new = Pcm(id=HW, name="bar", keys=(CARD,))
    state, resolver = venue(zone(links=(owner, TO_CARD)))
    resolver.update(state.apply(Observation(upserts=(old,), complete=True, source=fleet.source("alsa", "h"), at=1.0)))
    resolver.update(state.apply(Observation(complete=True, source=fleet.source("alsa", "h"), at=2.0)))
    assert resolver.follow(state.current[BAR], "pcm") == old.id
    resolver.update(state.apply(Observation(upserts=(new,), complete=True, source=fleet.source("alsa", "h"), at=3.0)))
    assert resolver.follow(state.current[BAR], "pcm") == HW


def test_a_chain_goes_on_to_its_end_and_never_in_circles() -> None:
    board = Board(
        id=AMP, name="amp", keys=(Key("usb-port", "1-1", "h"),), links=(Link("x", Key("id", "zone/bar", "h")),)
    )
    pcm = Pcm(id=HW, name="bar", keys=(CARD,), links=(Link("board", Key("usb-port", "1-1", "h")),))
    state, resolver = venue(zone(links=(TO_CARD,)), board, pcm)
    assert resolver.chain(state.current[BAR]) == [HW, AMP]


# --- rules ------------------------------------------------------------------------------------------------


class Counting:
    """A rule that notes when it runs and finds what it is told to."""

    def __init__(self, *verdicts: Verdict) -> None:
        self.ran: list[float] = []
        self.verdicts = list(verdicts)

    def __call__(self, resource: Resource | Gone, view: View) -> Verdict:
        self.ran.append(view.now)
        view.follow(resource, "pcm")
        return self.verdicts.pop(0) if self.verdicts else Verdict()


def found(code: str = "X", about: Id = BAR, severity: Severity = Severity.WARN, blames: Id | None = None) -> Finding:
    return Finding(code, severity, about, "because", blames=blames)


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


# --- incidents --------------------------------------------------------------------------------------------


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
    incidents = Incidents(lambda id: id.local, {f"{BAR} A": ("ann", 0.0)})
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


# --- expectations -----------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("links", "needing"),
    [
        ({}, []),
        ({"zone": ["pcm"], "pcm": ["board"]}, ["pcm", "zone"]),
        ({"zone": ["pcm"], "hall": ["pcm"], "pcm": ["board"]}, ["hall", "pcm", "zone"]),
        ({"zone": ["board", "pcm"]}, ["zone"]),
        ({"board": ["pcm"], "pcm": ["board"]}, ["pcm"]),  # a circle
    ],
)
def test_what_needs_something_is_what_its_chain_leads_from(links: dict[str, list[str]], needing: list[str]) -> None:
    ids = {name: Id("h", name, name) for name in ("zone", "hall", "pcm", "board")}
    made = [
        Resource(id=id, name=name, links=tuple(Link(to, Key("id", f"{to}/{to}", "h")) for to in links.get(name, ())))
        for name, id in ids.items()
    ]
    state, resolver = venue(*made)
    assert [id.local for id in resolver.needing(ids["board"])] == needing
    chains = {name: resolver.chain(state.current[id]) for name, id in ids.items() if name != "board"}
    assert sorted(name for name, chain in chains.items() if ids["board"] in chain) == needing


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
