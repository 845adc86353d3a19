"""Runs of other processes: shown while they go on, refused beside, and named when their process was killed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from msgspec import structs

from backends.contract import Plan, Refused, Step
from console.venue import runs as runs_module
from console.venue.journal import WIRE, Entry
from console.venue.operate import Operator
from console.venue.owner import lives, owner
from tests.console.slow import refused, row, words
from tests.console.test_operate import BAR, MUTE, Control, venue


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


async def test_a_long_run_of_another_process_is_shown_and_its_outcome_told(tmp_path: Path) -> None:
    here, told = await venue(tmp_path / "j.sqlite"), list[str]()
    here.runs.listeners.append(lambda row: told.append(f"{row.label}: {row.text}"))
    plan = Plan(MUTE, {}, (Step("stop", text="stop it"),), (), lasts=runs_module.LONG + 1)
    made = WIRE.encode(plan).decode()
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
