"""A run belongs to the venue: it goes on without its awaiter, is shown until it is settled when it was interrupted,
and is refused beside another with the same target."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from backends.contract import Offer, Plan, Refused, Step
from console.panes.offers import settling
from console.venue import runs as runs_module
from console.venue.journal import VERSION, WIRE, Entry, Journal, RunRow
from console.venue.operate import Operator
from console.venue.owner import lives, owner
from console.venue.venue import Venue
from console.venue.words import no_cancel, stage
from tests.console.test_operate import BAR, MUTE, Control, venue
from tests.patience import limit, until_async

HALL = structs.replace(BAR, local="hall")


class Slow(Control):
    """Obeys once it is let."""

    def __init__(self, venue: Venue) -> None:
        super().__init__(venue)
        self.let = asyncio.Event()

    async def do(self, source: str, step: Step) -> None:
        self.steps += 1
        await self.let.wait()
        self.see(state="paused")


async def slow(folder: Path) -> tuple[Venue, Slow]:
    here = await venue(folder / "j.sqlite")
    here.control = control = Slow(here)
    return here, control


async def words(here: Venue) -> list[str]:
    return [entry.what for entry in reversed(await here.journal.about(str(BAR)))]


async def begun(here: Venue, control: Slow) -> asyncio.Task[object]:
    """A run that has begun and waits, and somebody who waits for it."""
    operator = Operator(here, "ann")
    waiting = asyncio.create_task(operator.run(await operator.plan(MUTE, {})))
    await until_async(lambda: control.steps)
    return waiting


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


async def refused(here: Venue, plan: Plan) -> None:
    """Raises what a run is refused with."""
    outcome = await Operator(here, "eva").run(plan)
    assert not outcome.ok
    raise Refused(outcome.text)


def row(owner: str, action: str = "pause") -> RunRow:
    return RunRow(0, 1000.0, "ann", str(BAR), action, WIRE.encode(Plan(MUTE, {}, (), ())).decode(), owner)


async def test_one_whose_console_was_killed_is_named_and_the_same_action_settles_it(tmp_path: Path) -> None:
    here = await venue(tmp_path / "j.sqlite")
    here.control = Control(here)
    with subprocess.Popen(["sleep", "1000"]) as other:
        killed = owner(other.pid)
        await here.journal.begin(row(killed), Entry(1000.0, "ann", "planned", str(BAR), "pause"))
        await here.runs.look()
        assert not here.incidents.open
        other.kill()
    await here.runs.look()
    assert [incident.code for incident in here.incidents.open.values()] == ["RUN-UNFINISHED"]
    assert await words(here) == ["planned", "unknown"]
    operator = Operator(here, "eva")
    assert (await operator.run(await operator.plan(MUTE, {}))).ok
    assert not here.incidents.open
    await here.journal.close()


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


async def test_one_in_another_process_is_refused_too_until_that_is_gone(tmp_path: Path) -> None:
    here = await venue(tmp_path / "j.sqlite")
    here.control = Control(here)
    operator = Operator(here, "eva")
    plan = await operator.plan(MUTE, {})
    with subprocess.Popen(["sleep", "1000"]) as other:
        await here.journal.begin(row(owner(other.pid)), Entry(1000.0, "ann", "planned", str(BAR), "pause"))
        with pytest.raises(Refused, match="ann started 'pause' here at"):
            await refused(here, plan)
        other.kill()
    outcome = await operator.run(plan)
    assert outcome.ok, outcome.text
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


async def test_a_run_is_handed_over_once_and_only_its_process_ends_it(tmp_path: Path) -> None:
    here = await venue(tmp_path / "j.sqlite")
    id = await here.journal.begin(row("one"), Entry(1.0, "ann", "planned", str(BAR), "pause"))
    assert await here.journal.take_over(id, "another", "two") is None
    taken = await here.journal.take_over(id, "one", "two")
    assert taken
    assert taken.owner == "two"
    assert await here.journal.take_over(id, "one", "three") is None
    for owner_, outcome in (("one", "unknown"), ("two", "done"), ("two", "failed")):
        await here.journal.end(id, owner_, outcome, outcome, Entry(2.0, "ann", outcome, str(BAR), outcome))
    ended = await here.journal.run(id)
    assert ended
    assert (ended.outcome, ended.text) == ("done", "done")
    assert await words(here) == ["planned", "done"]
    assert await here.journal.take_over(id, "two", "three") is None
    await here.journal.close()


async def test_a_long_run_of_another_process_is_shown_and_its_outcome_told(tmp_path: Path) -> None:
    here, told = await venue(tmp_path / "j.sqlite"), list[str]()
    here.runs.listeners.append(lambda row: told.append(f"{row.label}: {row.text}"))
    plan = Plan(MUTE, {}, (Step("stop", text="stop it"),), (), lasts=runs_module.LONG + 1)
    made = msgspec.json.encode(msgspec.to_builtins(plan)).decode()
    with subprocess.Popen(["sleep", "1000"]) as other:
        of_other = structs.replace(row(owner(other.pid)), plan=made)
        id = await here.journal.begin(of_other, Entry(1000.0, "ann", "planned", str(BAR), "pause"))
        await here.journal.step_begins(id, 1, Entry(1000.0, "ann", "step", str(BAR), "stop it"))
        await here.runs.look()
        (incident,) = here.incidents.open.values()
        assert incident.code == "RUN-GOING"
        assert incident.what.startswith("'pause' goes on: step 1 of 1: stop it (ann, since ")
        assert not here.runs.unknown
        done = Entry(1001.0, "ann", "done", str(BAR), "done: pause")
        await here.journal.end(id, owner(other.pid), "done", "done: pause", done)
        other.kill()
    await here.runs.look()
    assert not here.incidents.open
    assert told == ["pause: done: pause"]
    await here.journal.close()


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


async def test_what_has_begun_its_last_step_is_not_cancelled_however_close_that_was(tmp_path: Path) -> None:
    """The journal decides: whichever of the two is written first holds."""
    here = await venue(tmp_path / "j.sqlite")
    entry = Entry(1.0, "eva", "cancel", str(BAR), "cancel it")
    step = Entry(1.0, "ann", "step", str(BAR), "a step")
    first = await here.journal.begin(row("one"), Entry(1.0, "ann", "planned", str(BAR), "pause"))
    assert await here.journal.step_begins(first, 1, step)
    assert not await here.journal.cancel(first, 1, entry)
    assert await here.journal.step_begins(first, 2, step)
    await here.journal.end(first, "one", "done", "done", Entry(1.0, "ann", "done", str(BAR), "done"))
    second = await here.journal.begin(row("one"), Entry(1.0, "ann", "planned", str(BAR), "pause"))
    assert await here.journal.cancel(second, 1, entry)
    assert not await here.journal.step_begins(second, 1, step)
    assert await here.journal.steps(second) == {}
    assert await words(here) == ["planned", "step", "step", "done", "planned", "cancel"]
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


def test_a_process_is_named_as_no_other(tmp_path: Path) -> None:
    assert lives(owner())
    with subprocess.Popen(["sleep", "1000"]) as other:
        name = owner(other.pid)
        assert lives(name)
        assert name != owner()
        boot, pid, started = name.split()
        assert not lives(f"{boot} {pid} {int(started) + 1}")  # its number was given again
        assert not lives(f"another {pid} {started}")  # the machine was started again
        other.kill()
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        assert not lives(name)  # a zombie does nothing any more
    assert not lives(name)
    assert not lives("")


async def test_a_journal_of_a_newer_foh_is_refused_in_words_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = path.read_bytes()
    journal = Journal(path)
    await journal.open()
    assert f"it was written by a newer foh (schema {VERSION + 1}; this foh knows {VERSION})" in journal.trouble
    with pytest.raises(OSError, match="newer foh"):
        await journal.write(Entry(1.0, "ann", "planned", "x", "y"))
    assert list(await journal.about("x")) == []
    await journal.close()
    assert path.read_bytes() == before


async def test_a_journal_from_before_there_were_versions_is_taken_on(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE entry (id INTEGER PRIMARY KEY, at REAL, who TEXT, what TEXT, subject TEXT, text TEXT, "
                   "data TEXT)")  # fmt: skip
        db.execute("INSERT INTO entry VALUES (1, 1.0, 'ann', 'done', 'x', 'y', '{}')")
    journal = Journal(path)
    await journal.open()
    assert [entry.text for entry in await journal.about("x")] == ["y"]
    await journal.begin(row(owner()), Entry(1.0, "ann", "planned", str(BAR), "pause"))
    await journal.close()
    assert subprocess.run(
        [sys.executable, "-c", "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('PRAGMA user_version')"
         ".fetchone())", path], capture_output=True, check=True, text=True,
    ).stdout == f"{VERSION}\n"  # fmt: skip


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
