"""What is left of a run that was interrupted, and what is refused because it might be done twice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec import structs

from backends.contract import Expect, Offer, Plan, Refused, Risk, Step
from console.panes import offers
from console.venue import resume
from console.venue.journal import WIRE, Entry, RunRow
from console.venue.operate import Operator, locate
from console.venue.venue import Venue
from tests.console.test_operate import BAR, MUTE, SAYS, Control, venue

ONCE, AGAIN = Step("skip", text="skip it", irreversible=True), Step("stop", text="stop it")


@pytest.mark.parametrize(
    ("steps", "begun", "read", "left"),
    [
        ((AGAIN, ONCE), {}, {}, (AGAIN, ONCE)),  # interrupted before the first
        ((AGAIN, ONCE), {1: True}, {}, (ONCE,)),
        ((AGAIN, ONCE), {1: True, 2: True}, {}, ()),
        ((AGAIN, ONCE), {1: False}, {1: None}, (AGAIN, ONCE)),  # to do it twice is the same as once
        ((AGAIN, ONCE), {1: False}, {1: True}, (ONCE,)),
        ((AGAIN, ONCE), {1: False}, {1: False}, (AGAIN, ONCE)),
        ((ONCE, AGAIN), {1: False}, {1: True}, (AGAIN,)),
        ((ONCE, AGAIN), {1: False}, {1: False}, (ONCE, AGAIN)),
        ((ONCE, AGAIN), {1: False}, {1: None}, None),
        ((ONCE, AGAIN), {1: False}, {}, None),
        ((AGAIN, ONCE), {1: True, 2: False}, {2: None}, None),
    ],
)
def test_what_is_left(
    steps: tuple[Step, ...], begun: dict[int, bool], read: dict[int, bool | None], left: tuple[Step, ...] | None
) -> None:
    if left is None:
        with pytest.raises(Refused, match=r"\(skip it\) may have been done, and must not be done twice"):
            resume.remaining(steps, begun, read)
    else:
        assert resume.remaining(steps, begun, read) == left


class Steps(Control):
    """Its steps are asked about: `read` says which of them were done."""

    def __init__(self, venue: Venue, read: Mapping[str, bool | None]) -> None:
        super().__init__(venue)
        self.read, self.asked, self.carried_out = read, list[str](), list[str]()

    async def done(self, source: str, step: Step) -> bool | None:
        self.asked.append(step.do)
        return self.read.get(step.do)

    async def do(self, source: str, step: Step) -> None:
        self.carried_out.append(step.do)
        await super().do(source, step)


PLAN = Plan(
    structs.replace(MUTE, risk=Risk.DISRUPTIVE), {}, (AGAIN, ONCE, Step("end", text="end it")),
    (Expect(BAR, "state", "paused", 0),),
)  # fmt: skip


WRITTEN = WIRE.encode(PLAN).decode()


async def interrupted(folder: Path, begun: Mapping[int, bool], plan: str = WRITTEN) -> Venue:
    """A venue whose journal has a run that was killed."""
    here = await venue(folder / "j.sqlite")
    row = RunRow(0, 1000.0, "ann", str(BAR), "pause", plan, "a process of before")
    id = await here.journal.begin(row, Entry(1000.0, "ann", "planned", str(BAR), "pause"))
    for number, ended in begun.items():
        await here.journal.step_begins(id, number, Entry(1001.0, "ann", "step", str(BAR), "a step"))
        if ended:
            await here.journal.step_ends(id, number, 1002.0)
    await here.runs.look()
    return here


async def offered(here: Venue) -> Offer:
    offer = locate(here, BAR, resume.RESUME)
    assert offer is not None
    return offer


async def test_only_what_is_left_is_shown_and_done_and_that_settles_it(tmp_path: Path) -> None:
    here = await interrupted(tmp_path, {1: True, 2: False})
    here.control = control = Steps(here, {"skip": True})
    ((key, line), *_) = offers.rows(here, BAR)
    assert key == (BAR, "resume")
    assert line[0][0].strip() == "resume: pause  [disruptive]"
    operator = Operator(here, "eva")
    plan = await operator.plan(await offered(here), {})
    assert [step.do for step in plan.steps] == ["end"]
    assert [(e.what, e.raw) for e in plan.based_on] == [("step 1", "done"), ("step 2", "done")]
    (incident,) = here.incidents.open.values()
    assert next(r.action for r in incident.remedies if r.target) == "resume"
    outcome = await operator.run(plan)
    assert outcome.ok, outcome.text
    assert set(control.asked) == {"skip"}
    assert control.carried_out == ["end"]
    assert not here.incidents.open
    assert locate(here, BAR, resume.RESUME) is None
    with pytest.raises(Refused, match="nothing is left to resume"):
        await operator.plan(plan.offer, {})
    await here.journal.close()


async def test_one_whose_steps_are_all_done_is_judged_by_what_is_so_already(tmp_path: Path) -> None:
    here = await interrupted(tmp_path, {1: True, 2: True, 3: True})
    here.control = control = Steps(here, {})
    control.see(state="paused")
    operator = Operator(here, "eva")
    outcome = await operator.run(await operator.plan(await offered(here), {}))
    assert outcome.ok, outcome.text
    assert control.carried_out == []
    await here.journal.close()


async def test_what_must_not_be_done_twice_is_refused_and_it_stays_unfinished(tmp_path: Path) -> None:
    here = await interrupted(tmp_path, {1: True, 2: False})
    here.control = Steps(here, {})
    with pytest.raises(Refused, match=r"step 2 \(skip it\) may have been done, and must not be done twice: check it"):
        await Operator(here, "eva").plan(await offered(here), {})
    assert here.incidents.open
    await here.journal.close()


async def test_one_that_is_interrupted_again_is_resumed_from_there(tmp_path: Path) -> None:
    here = await interrupted(tmp_path, {1: True})
    here.control = Steps(here, {})
    first = await Operator(here, "eva").plan(await offered(here), {})
    assert [step.do for step in first.steps] == ["skip", "end"]
    after = await interrupted(tmp_path / "again", {1: True}, WIRE.encode(first).decode())
    after.control = Steps(after, {})
    offer = await offered(after)
    assert offer.label == "resume: pause"
    second = await Operator(after, "eva").plan(offer, {})
    assert [step.do for step in second.steps] == ["end"]
    for each in (here, after):
        await each.journal.close()


async def test_a_plan_of_another_version_is_not_offered(tmp_path: Path) -> None:
    here = await interrupted(tmp_path, {}, '{"offer": {"label": "pause"}}')
    assert here.runs.offer(BAR) is None
    assert len(here.incidents.open) == 1
    await here.journal.close()


def test_the_plan_says_how_each_step_is_known() -> None:
    row = RunRow(7, 1000.0, "ann", str(BAR), "pause", WRITTEN, "", "unknown")
    plan = resume.resumed(row, SAYS, {1: True, 2: False}, {2: False})
    assert [(e.what, e.read_from, e.raw) for e in plan.based_on] == [
        ("step 1", "the journal's run 7", "done"), ("step 2", str(SAYS), "not done"),
    ]  # fmt: skip
    assert plan.offer.risk is Risk.DISRUPTIVE
