"""What the journal decides between processes, and which schemas it opens."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

from console.venue.journal import Entry, Journal
from console.venue.journal_schema import VERSION
from console.venue.owner import owner
from tests.console.slow import row, words
from tests.console.test_operate import BAR, venue


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
