"""The journal stays within its age and its size, and a month of a venue in trouble is a small part of that."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec import structs

from backends.contract import Evidence, Finding, Id, Remedy, Severity
from console.venue import journal as module
from console.venue.incidents import correlate
from console.venue.journal import BATCH, KEPT, LARGEST, Entry, Journal, OpenIncident
from console.venue.state import VenueState
from console.venue.venue import Venue
from tests.console.slow import row

NOW = 2_000_000_000.0


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    made = Journal(tmp_path / "j.sqlite")
    await made.open()
    yield made
    await made.close()


async def prune(journal: Journal) -> int:
    """How many batches it takes."""
    batches = 0
    while await journal.prune(NOW):
        batches += 1
    return batches


def entries(journal: Journal) -> list[int]:
    with sqlite3.connect(journal.path) as db:
        return [int(text) for (text,) in db.execute("SELECT text FROM entry ORDER BY id")]


async def test_what_is_too_old_goes_in_batches_with_its_runs_and_what_is_open_stays(journal: Journal) -> None:
    old, ann = NOW - KEPT - 1, OpenIncident(1.0, Severity.WARN, "ann")
    for number, (outcome, at) in enumerate([("done", old), ("unknown", old), ("", old), ("done", NOW)]):
        begun = structs.replace(row("one"), at=at, target=f"h/zone/{number}")
        id = await journal.begin(begun, Entry(at, "ann", "planned", begun.target, "-1"))
        await journal.step_begins(id, 1, Entry(at, "ann", "step", begun.target, "-2"))
        if outcome:
            await journal.end(id, "one", outcome, outcome, Entry(at, "ann", outcome, begun.target, "-3"))
    with sqlite3.connect(journal.path) as db:
        db.execute("DELETE FROM entry")
    await journal.write(Entry(old, "foh", "opened", "h/zone/bar A", "0", remember=ann))
    await journal.write(*(Entry(old, "foh", "changed", "x", str(n)) for n in range(1, 2 * BATCH)))
    await journal.write(*(Entry(NOW, "foh", "changed", "x", str(n)) for n in range(5)))
    assert await prune(journal) == 2
    assert entries(journal) == list(range(5))
    assert await journal.open_incidents() == {"h/zone/bar A": ann}
    with sqlite3.connect(journal.path) as db:
        assert db.execute("SELECT id FROM run ORDER BY id").fetchall() == [(2,), (3,), (4,)]
        assert db.execute("SELECT run FROM step ORDER BY run").fetchall() == [(2,), (3,), (4,)]


async def test_what_is_too_much_goes_the_oldest_first(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 1 << 20)
    await journal.write(*(Entry(NOW, "foh", "changed", "x", str(n), {"evidence": "x" * 500}) for n in range(5 * BATCH)))
    assert await prune(journal) > 1
    kept = entries(journal)
    assert kept == list(range(kept[0], 5 * BATCH))
    assert BATCH // 2 < len(kept) <= 2 * BATCH
    assert await journal.prune(NOW) is False
    size = journal.path.stat().st_size
    await journal.write(*(Entry(NOW, "foh", "changed", "x", str(n), {"evidence": "x" * 500}) for n in range(BATCH)))
    await prune(journal)
    assert journal.path.stat().st_size == size  # what was dropped makes room for what comes


DAILY = 9 * 12  # incidents a day: each of nine zones, twelve times
ACTIONS = 50  # a day
DAYS = 30


async def test_a_month_of_a_venue_in_trouble(journal: Journal) -> None:
    """Each incident is opened, changed, acknowledged and cleared, with its evidence; a day is measured."""
    here = Venue(VenueState("h"), journal)
    for number in range(DAILY):
        bar = Id("h", "zone", f"127.0.0.1:{6680 + number % 9}")
        evidence = tuple(Evidence("state", f"/proc/asound/card{n}/pcm0p/sub0/status", 1.0, "RUNNING") for n in range(6))
        found = [Finding(code, Severity.WARN, bar, "the zone is silent: " + "why " * 20, evidence=evidence,
                         remedies=(Remedy("restart playback", bar, "again"),)) for code in ("A", "B", "C")]  # fmt: skip
        for change in here.incidents.update(correlate(found), float(number)):
            await journal.write(here._entry(change))
        await journal.write(Entry(NOW, "ann", "acked", "x", "the zone is silent"))
        for change in here.incidents.update({}, float(number)):
            await journal.write(here._entry(change))
    for _ in range(ACTIONS):
        id = await journal.begin(row("one"), Entry(NOW, "ann", "planned", "h/zone/bar", "pause", {"plan": "x" * 2000}))
        await journal.step_begins(id, 1, Entry(NOW, "ann", "step", "h/zone/bar", "pause"))
        await journal.step_ends(id, 1, NOW)
        await journal.end(id, "one", "done", "done", Entry(NOW, "ann", "done", "h/zone/bar", "done", {"after": "x"}))
    (((used,)),) = await journal.read("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
    month = used * DAYS
    print(f"a month: {month / (1 << 20):.1f} MiB")
    assert month < LARGEST
