"""A run belongs to the venue: it goes on without its awaiter, is shown until it is settled when it was interrupted,
and is refused beside another with the same target."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec import structs

from backends.contract import Offer, Plan, Refused, Step
from console.panes.offers import settling
from console.venue import runs as runs_module
from console.venue.journal import Entry, RunRow
from console.venue.operate import Operator
from console.venue.words import no_cancel, stage
from tests.console.slow import Slow, begun, refused, slow, words
from tests.console.test_operate import BAR, MUTE, Control, venue
from tests.patience import limit, until_async

HALL = structs.replace(BAR, local="hall")


async def test_it_goes_on_when_nobody_waits_for_it(tmp_path: Path) -> None:
    here, control = await slow(tmp_path)
    waiting = await begun(here, control)
    waiting.cancel()
    await asyncio.wait({waiting})
    control.let.set()
    await here.runs.finish()
    assert await words(here) == ["planned", "step", "done"]
    assert await here.journal.unfinished() == []
    await here.journal.close()


async def test_a_screen_that_fails_while_it_watches_is_no_part_of_the_run(tmp_path: Path) -> None:
    here, control = await slow(tmp_path)
    control.let.set()
    operator, failed = Operator(here, "ann"), list[object]()

    def gone(text: str) -> None:
        raise LookupError("the screen is gone")

    asyncio.get_running_loop().set_exception_handler(lambda loop, context: failed.append(context["exception"]))
    outcome = await operator.run(await operator.plan(MUTE, {}), gone)
    assert outcome.ok
    assert await words(here) == ["planned", "step", "done"]
    assert {type(error) for error in failed} == {LookupError}
    await here.journal.close()


async def test_each_step_is_written_down_before_and_after_it_is_done(tmp_path: Path) -> None:
    here = await venue(tmp_path / "j.sqlite")
    known: list[dict[int, bool]] = []

    class Steps(Control):
        async def plan(self, source: str, offer: Offer, args: Mapping[str, str]) -> Plan:
            plan = await super().plan(source, offer, args)
            return structs.replace(
                plan, steps=tuple(Step(word, text=f"the {word}") for word in ("one", "two", "three"))
            )

        async def do(self, source: str, step: Step) -> str | None:
            known.append(await here.journal.steps(1))
            if step.do == "three":
                raise TimeoutError("no answer")
            return "all is well" if step.do == "two" else None

    here.control = Steps(here)
    operator = Operator(here, "ann")
    outcome = await operator.run(await operator.plan(MUTE, {}))
    assert outcome.text == "failed: no answer"
    assert known == [{1: False}, {1: True, 2: False}, {1: True, 2: True, 3: False}]
    assert await here.journal.steps(1) == {1: True, 2: True, 3: False}
    texts = [(entry.what, entry.text) for entry in reversed(await here.journal.about(str(BAR)))]
    assert texts[1:5] == [("step", "the one"), ("step", "the two"), ("seen", "all is well"), ("step", "the three")]
    await here.journal.close()


async def test_one_that_is_not_over_when_the_console_ends_is_unknown_and_the_next_one_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs_module, "GRACE", 0.0)
    here, control = await slow(tmp_path)
    waiting = await begun(here, control)
    await here.runs.finish()
    assert not (await waiting).ok  # type: ignore[attr-defined]
    assert await words(here) == ["planned", "step", "unknown"]
    with pytest.raises(Refused, match="foh is ending"):
        await refused(here, await Operator(here, "ann").plan(MUTE, {}))
    await here.journal.close()

    after = await venue(tmp_path / "j.sqlite")
    await after.runs.look()
    (incident,) = after.incidents.open.values()
    assert (incident.code, incident.root) == ("RUN-UNFINISHED", BAR)
    assert incident.what.startswith("'pause' was interrupted: its result is unknown (ann, ")
    ((number, line),) = settling(after, [BAR, HALL])
    assert "mark as handled: 'pause', interrupted at " in line[0][0]
    await after.runs.settle(number, "eva")  # type: ignore[arg-type]
    assert not after.incidents.open
    assert (await words(after))[-1] == "settled"
    await after.journal.close()


async def test_two_on_one_target_are_refused_with_who_does_what_since_when(tmp_path: Path) -> None:
    here, control = await slow(tmp_path)
    operator = Operator(here, "eva")
    plan = await operator.plan(MUTE, {})
    waiting = await begun(here, control)
    said = r"ann started 'pause' here at \w+ \d+ \w+ [0-9:]{8}: wait until it finishes"
    with pytest.raises(Refused, match=f"^{said}$"):
        await operator.plan(MUTE, {})
    with pytest.raises(Refused, match=f"^not done: {said}$"):
        await refused(here, plan)
    assert control.steps == 1
    control.let.set()
    async with limit():
        await waiting
    await here.journal.close()


async def test_many_that_begin_at_once_are_one(tmp_path: Path) -> None:
    """Also in several processes: the journal decides."""
    here, control = await slow(tmp_path)
    operator = Operator(here, "ann")
    plan = await operator.plan(MUTE, {})
    tasks = [asyncio.create_task(operator.run(plan)) for _ in range(8)]
    await until_async(lambda: sum(task.done() for task in tasks) == 7)
    control.let.set()
    async with limit():
        outcomes = await asyncio.gather(*tasks)
    assert control.steps == 1
    assert sorted(outcome.ok for outcome in outcomes) == [False] * 7 + [True]
    await here.journal.close()


@pytest.mark.parametrize(
    ("begun", "says"),
    [
        ({}, "no step has begun yet"),
        ({1: False}, "step 1 of 2: stop it"),
        ({1: True}, "step 1 of 2: stop it"),
        ({1: True, 2: False}, "step 2 of 2: start it"),
        ({1: True, 2: True}, "waiting to see it take effect"),
    ],
)
def test_where_a_run_is(begun: dict[int, bool], says: str) -> None:
    plan = Plan(MUTE, {}, (Step("stop", text="stop it"), Step("start", text="start it")), ())
    assert stage(plan, begun) == says


@pytest.mark.parametrize("cancellable", [True, False])
async def test_a_run_of_this_process_is_cancelled_where_its_plan_says_so(tmp_path: Path, cancellable: bool) -> None:
    here = await venue(tmp_path / "j.sqlite")

    class Two(Slow):
        async def plan(self, source: str, offer: Offer, args: Mapping[str, str]) -> Plan:
            plan = await super().plan(source, offer, args)
            steps = Step("one", text="the one"), Step("two", text="the two")
            return structs.replace(plan, steps=steps, cancellable=cancellable)

    here.control = control = Two(here)
    with pytest.raises(Refused, match="nothing goes on with it any more"):
        await here.runs.cancel(BAR, "eva")
    waiting = await begun(here, control)
    if cancellable:
        for _ in range(2):  # to ask again changes nothing
            assert await here.runs.cancel(BAR, "eva") == "'pause' ends after the step that it is in"
    else:
        with pytest.raises(Refused, match="'pause': it cannot be cancelled, as its steps belong together"):
            await here.runs.cancel(BAR, "eva")
    control.let.set()
    outcome = await waiting
    if cancellable:
        assert outcome.text == "cancelled by eva: done until then: the one"  # type: ignore[attr-defined]
    assert await words(here) == ["planned", "step", *(["cancel", "cancelled"] if cancellable else ["step", "done"])]
    assert control.steps == (1 if cancellable else 2)
    assert not here.incidents.open
    await here.journal.close()


@pytest.mark.parametrize(
    ("cancellable", "begun", "no"),
    [
        (True, {}, ""),
        (True, {1: False}, ""),
        (True, {1: True}, ""),
        (True, {1: True, 2: False}, "its last step has begun"),
        (False, {}, "it cannot be cancelled"),
    ],
)
def test_why_a_run_cannot_be_cancelled(cancellable: bool, begun: dict[int, bool], no: str) -> None:
    plan = Plan(MUTE, {}, (Step("stop"), Step("start")), (), cancellable=cancellable)
    assert no_cancel(plan, begun).startswith(no)
    assert bool(no_cancel(plan, begun)) is bool(no)


async def test_a_look_while_a_run_begins_does_not_take_it_for_cut_off(tmp_path: Path) -> None:
    here, control = await slow(tmp_path)
    operator, begin = Operator(here, "ann"), here.journal.begin
    looks = list[asyncio.Task[None]]()

    async def begins(run: RunRow, entry: Entry) -> int:
        """A look comes between the journal's answer and what is made of it."""
        id = await begin(run, entry)
        looks.append(asyncio.create_task(here.runs.look()))
        await here.journal.unfinished()
        await here.journal.unfinished()
        return id

    here.journal.begin = begins  # type: ignore[method-assign]
    plan = await operator.plan(MUTE, {})
    waiting = asyncio.create_task(operator.run(plan))
    await until_async(lambda: control.steps)
    async with limit():
        await asyncio.gather(*looks)
    assert await words(here) == ["planned", "step"]
    control.let.set()
    assert (await waiting).ok
    await here.journal.close()
