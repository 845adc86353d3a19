"""What an operator is told, and what is written down, when an action goes well and in every way it can fail."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec import structs

from backends.clock import MACHINE
from backends.contract import (
    Evidence,
    Expect,
    Id,
    Key,
    Link,
    Observation,
    Offer,
    Plan,
    Refused,
    Resource,
    Risk,
    Step,
    Test,
    Unknown,
)
from backends.kinds import CAPTURE, PCM, ZONE, Board, CaptureBoard, Pcm, Zone
from console.line import plain
from console.panes.header import header
from console.venue import group
from console.venue.journal import Journal
from console.venue.operate import Operator, dependents, locate
from console.venue.state import VenueState
from console.venue.venue import Venue
from tests import fleet
from tests.patience import BOUND

SAYS = fleet.source("s", "h")

BAR = Id("h", "zone", "bar")
MUTE = Offer(BAR, "pause", "pause")
BRIEF = 0.1  # seconds that the product gives what never comes


class Control:
    """A world of one zone, whose `do` does what a test tells it to."""

    def __init__(self, venue: Venue, deed: str = "works") -> None:
        self.venue, self.deed, self.raw, self.steps = venue, deed, "playing", 0
        self.see(state="playing")

    def see(self, **fields: object) -> None:
        zone = Zone(id=BAR, name="bar", state="playing", offers=(MUTE,))
        self.venue.take([Observation(upserts=(structs.replace(zone, **fields),), source=SAYS, at=MACHINE.now())])

    async def plan(self, source: Id, offer: Offer, args: Mapping[str, str]) -> Plan:
        if self.deed == "refuses":
            raise Refused("already paused")
        if self.deed == "cannot plan":
            raise OSError("no \x1b[2Jroute")
        based_on = (Evidence("state", "f", MACHINE.now(), self.raw),)
        within = BRIEF if self.deed == "lies" else BOUND
        step, expect = Step("pause", argv=("echo", "it's"), text="do it"), Expect(BAR, "state", "paused", within)
        return Plan(offer, dict(args), (step,), (expect,), (), based_on)

    async def do(self, source: Id, step: Step) -> None:
        self.steps += 1
        if self.deed == "fails":
            raise TimeoutError("no answer")
        if self.deed == "works":
            asyncio.get_running_loop().call_soon(lambda: self.see(state="paused"))


async def venue(journal: Path) -> Venue:
    made = Venue(VenueState("h"), Journal(journal))
    await made.journal.open()
    made.state.add_kinds((ZONE,))
    return made


@pytest.mark.parametrize(
    ("deed", "ok", "says", "written"),
    [
        ("works", True, "done: pause, confirmed after", ["planned", "step", "done"]),
        (
            "lies",
            False,
            "failed: state is playing, not paused, after 0.1 s",
            ["planned", "step", "failed"],
        ),
        ("fails", False, "failed: no answer", ["planned", "step", "failed"]),
    ],
)
async def test_success_is_what_is_observed(tmp_path: Path, deed: str, ok: bool, says: str, written: list[str]) -> None:
    here = await venue(tmp_path / "j.sqlite")
    here.control = Control(here, deed)
    operator = Operator(here, "ann")
    outcome = await operator.run(await operator.plan(MUTE, {}))
    assert outcome.ok is ok
    assert outcome.text.startswith(says)
    entries = list(reversed(await here.journal.about(str(BAR))))
    assert [entry.what for entry in entries] == written
    assert {entry.who for entry in entries} == {"ann"}
    assert entries[0].data["plan"]["steps"][0]["argv"] == ["echo", "it's"]
    await here.journal.close()


@pytest.mark.parametrize(("deed", "says"), [("refuses", "already paused"), ("cannot plan", "no ␛[2Jroute")])
async def test_a_plan_that_cannot_be_made_is_refused_in_words(tmp_path: Path, deed: str, says: str) -> None:
    here = await venue(tmp_path / "j.sqlite")
    here.control = Control(here, deed)
    with pytest.raises(Refused) as caught:
        await Operator(here, "ann").plan(MUTE, {})
    assert str(caught.value) == says
    await here.journal.close()


async def test_evidence_that_has_changed_since_it_was_shown_stops_it(tmp_path: Path) -> None:
    here = await venue(tmp_path / "j.sqlite")
    here.control = control = Control(here)
    operator = Operator(here, "ann")
    plan = await operator.plan(MUTE, {})
    control.raw = "stopped"
    outcome = await operator.run(plan)
    assert (outcome.ok, control.steps) == (False, 0)
    assert "state changed since this plan was shown" in outcome.text
    await here.journal.close()


async def test_what_has_come_true_by_itself_since_it_was_shown_is_not_its_effect(tmp_path: Path) -> None:
    here = await venue(tmp_path / "j.sqlite")

    class Skips(Control):
        async def plan(self, source: Id, offer: Offer, args: Mapping[str, str]) -> Plan:
            zone = here.state.current[BAR]
            assert isinstance(zone, Zone)
            plan = await super().plan(source, offer, args)
            return structs.replace(plan, expect=(Expect(BAR, "track", zone.track, BRIEF, Test.DIFFERS),))

    here.control = control = Skips(here, "lies")
    control.see(track="#1")
    operator = Operator(here, "ann")
    plan = await operator.plan(MUTE, {})
    control.see(track="#2")
    outcome = await operator.run(plan)
    assert outcome.text == "failed: track is still #2, after 0.1 s"
    await here.journal.close()


async def test_nothing_is_done_that_cannot_be_written_down_and_the_header_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    here = await venue(tmp_path / "file" / "j.sqlite")
    here.control = control = Control(here)
    operator = Operator(here, "ann")
    outcome = await operator.run(await operator.plan(MUTE, {}))
    assert (outcome.ok, control.steps) == (False, 0)
    assert "cannot be recorded" in outcome.text
    assert "journal" in plain(header(here, MACHINE.now(), 160)[0])


async def test_a_full_disk_stops_the_deed_and_loses_nothing_that_was_written(tmp_path: Path) -> None:
    here = await venue(tmp_path / "j.sqlite")
    here.control = control = Control(here)
    operator = Operator(here, "ann")
    plan = await operator.plan(MUTE, {})
    assert here.journal._db
    await here.journal._db.execute("PRAGMA max_page_count = 1")  # SQLite's own "database or disk is full"
    outcome = await operator.run(structs.replace(plan, offer=structs.replace(MUTE, label="y" * 200_000)))
    assert (outcome.ok, control.steps) == (False, 0)
    assert "disk is full" in outcome.text
    await here.journal._db.execute("PRAGMA max_page_count = 1000000")
    assert (await operator.run(plan)).ok
    assert here.journal.trouble == ""
    await here.journal.close()


async def test_read_only_and_gone_targets_are_refused(tmp_path: Path) -> None:
    here = await venue(tmp_path / "j.sqlite")
    with pytest.raises(Refused, match="read-only"):
        await Operator(here, "ann").plan(MUTE, {})
    here.control = Control(here)
    with pytest.raises(Refused, match="is gone"):
        await Operator(here, "ann").plan(structs.replace(MUTE, target=Id("h", "zone", "x")), {})
    assert locate(here, BAR, "pause") == MUTE
    assert locate(here, BAR, "fly") is None
    await here.journal.close()


async def test_what_is_to_be_seen_at_the_end_of_a_link_is_judged_there_or_not_promised(tmp_path: Path) -> None:
    here = await venue(tmp_path / "j.sqlite")
    here.state.add_kinds((PCM,))

    class Linked(Control):
        async def plan(self, source: Id, offer: Offer, args: Mapping[str, str]) -> Plan:
            plan = await super().plan(source, offer, args)
            within = BRIEF if self.deed == "lies" else BOUND
            return structs.replace(plan, expect=(Expect(BAR, "state", "closed", within, via="pcm"),))

        async def do(self, source: Id, step: Step) -> None:
            self.card("closed" if self.deed == "works" else "RUNNING")

        def card(self, state: str) -> None:
            keys, now = (Key("card", "bar", "h"),), MACHINE.now()
            card = Pcm(id=Id("h", "pcm", "hw:bar,0"), name="bar", keys=keys, state=state, at=now)
            self.venue.take([Observation(upserts=(card,), source=fleet.source("p", "h"), at=MACHINE.now())])

    here.control = control = Linked(here)
    control.see(links=(Link("pcm", Key("card", "bar", "h"), "it says so"),))
    operator = Operator(here, "ann")
    with pytest.raises(Refused, match="its pcm is unknown"):
        await operator.plan(MUTE, {})
    control.card("closed")
    with pytest.raises(Refused, match="already so: pcm state is closed"):
        await operator.plan(MUTE, {})
    for deed, ok in (("lies", False), ("works", True)):
        control.card("RUNNING")
        control.deed = deed
        outcome = await operator.run(await operator.plan(MUTE, {}))
        assert outcome.ok is ok, outcome.text
    await here.journal.close()


BOARD, CARD = Id("h", "board", "1-1"), Id("h", "pcm", "hw:bar,0")
PLAYS, STREAMS = Zone(id=BAR, name="bar", state="playing"), Pcm(id=CARD, name="hw:bar,0", state="RUNNING")
HALL = Zone(id=Id("h", "zone", "hall"), name="hall", state=Unknown())


@pytest.mark.parametrize(
    ("needing", "said"),
    [
        ([], ()),
        ([("zone", PLAYS)], ("zone bar, which is playing",)),
        (
            [("zone", HALL), ("zone", PLAYS), ("PCM", STREAMS)],
            ("PCM hw:bar,0, which is RUNNING", "zone bar, which is playing", "zone hall, whose state is unknown"),
        ),
        ([("board", Board(id=Id("h", "board", "1-1.1"), name="amp"))], ("board amp",)),
    ],
)
def test_who_depends_on_a_target_is_named_with_its_state(
    needing: list[tuple[str, Resource]], said: tuple[str, ...]
) -> None:
    assert dependents(needing) == said


async def test_a_disruptive_plan_names_who_is_interrupted_and_is_void_when_that_changes(tmp_path: Path) -> None:
    here = await venue(tmp_path / "j.sqlite")
    here.state.add_kinds((PCM, CAPTURE))
    offer = Offer(CARD, "pull", "pull", Risk.DISRUPTIVE)
    here.control = control = Control(here)
    control.see(links=(Link("pcm", Key("id", "pcm/hw:bar,0", "h"), "it says so"),))
    boards = [
        CaptureBoard(id=Id("h", "capture", name), name=name, streams=streams)
        for name, streams in (("opsis", True), ("atlys", False), ("other", Unknown()))
    ]
    here.take([Observation(upserts=(STREAMS, *boards), source=fleet.source("p", "h"), at=MACHINE.now())])
    operator = Operator(here, "ann")
    routine = await operator.plan(structs.replace(offer, risk=Risk.ROUTINE), {})
    assert routine.interrupts == ()
    assert (await group.plan(operator, [CARD], {CARD: routine.offer}, {CARD: {}})).meanwhile == ()
    plan = await operator.plan(offer, {})
    assert plan.interrupts == ("zone bar, which is playing",)
    told = await group.plan(operator, [CARD], {CARD: offer}, {CARD: {}})
    assert told.meanwhile == ("the video of opsis runs: a room is being recorded or shown",)
    control.see(state="stopped", links=(Link("pcm", Key("id", "pcm/hw:bar,0", "h"), "it says so"),))
    outcome = await operator.run(plan)
    assert (outcome.ok, control.steps) == (False, 0)
    assert "plan again" in outcome.text
    await here.journal.close()
