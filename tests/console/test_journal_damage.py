"""A journal that cannot be used is set aside, never deleted; it is said, and a new one is begun."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from backends.contract import Severity
from console.panes.header import header
from console.venue.journal import Entry, Journal, OpenIncident
from console.venue.journal_schema import VERSION
from console.venue.owner import owner
from console.venue.state import VenueState
from console.venue.venue import Venue
from tests.console.slow import row
from tests.console.test_cli import foh
from tests.patience import limit

INCIDENT = "h/zone/bar SILENT"


async def filled(path: Path) -> None:
    """A journal of some pages, as a venue leaves it."""
    journal = Journal(path)
    await journal.open()
    entries = [Entry(number, "ann", "done", f"subject {number % 7}", "text " * 30) for number in range(300)]
    opened = Entry(1.0, "foh", "opened", INCIDENT, "it", remember=OpenIncident(1.0, Severity.WARN, "ann"))
    await journal.write(*entries, opened)
    await journal.begin(row(owner()), Entry(1.0, "ann", "planned", "h/zone/bar", "pause"))
    await journal.close()


def aside(folder: Path) -> list[Path]:
    return [file for file in folder.glob("j.sqlite.aside-*") if not file.name.endswith(("-wal", "-shm", ".txt"))]


@pytest.fixture
async def journals() -> AsyncIterator[list[Journal]]:
    """Closed at the end: the thread of one that is left open would hold up the end of the tests."""
    opened: list[Journal] = []
    yield opened
    for journal in opened:
        await journal.close()


def sql(statement: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.executescript(statement)

    return damage


def page(path: Path) -> None:
    """Every page but the first is overwritten."""
    data = bytearray(path.read_bytes())
    data[4096:] = random.Random(1).randbytes(len(data) - 4096)
    path.write_bytes(data)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a damaged page": (page, "malformed"),
    "no database": (lambda path: path.write_bytes(b"x" * 10_000), "not a database"),
    "cut short": (lambda path: path.write_bytes(path.read_bytes()[:9000]), "malformed"),
    "a renamed column": (sql("ALTER TABLE entry RENAME COLUMN text TO words"), "no such column"),
    "a table that is gone": (sql("DROP TABLE incident"), "no such table"),
    "no JSON": (sql("UPDATE entry SET data = '{'"), "cannot be read"),
    "no severity": (sql("UPDATE incident SET severity = 'bad'"), "cannot be read"),
    "no number": (sql("UPDATE incident SET opened = 'never'"), "cannot be read"),
    "no name": (sql("UPDATE run SET owner = x'00ff'"), "cannot be read"),
    "no text": (sql("UPDATE entry SET text = CAST(x'ff' AS TEXT)"), "decode"),
    "a newer foh": (sql(f"PRAGMA user_version = {VERSION + 1}"), "was written by a newer foh"),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_it_is_set_aside_it_is_said_and_a_new_one_is_begun(
    tmp_path: Path, journals: list[Journal], damage: str
) -> None:
    path = tmp_path / "j.sqlite"
    await filled(path)
    do, why = DAMAGES[damage]
    do(path)
    before = path.read_bytes()
    journals.append(journal := Journal(path))
    async with limit():
        await journal.open()
        await journal.open_incidents()
        await journal.unfinished()
        await journal.about("subject 1")
        await journal.write(Entry(1.0, "eva", "done", "x", "new"))
        assert [entry.text for entry in await journal.about("x")] == ["new"]
        assert await journal.begin(row(owner()), Entry(1.0, "eva", "planned", "h/zone/bar", "pause")) == 1
    (kept,) = aside(tmp_path)
    assert str(kept) in journal.trouble
    assert why in journal.trouble
    assert kept.read_bytes()[:4096][100:] == before[:4096][100:]  # SQLite counts in the header what it has read
    said = Venue(VenueState("h"), journal)
    assert any(str(kept) in text for text, _ in header(said, said.clock.now(), 400)[0])


async def test_two_that_find_the_damage_set_one_file_aside(tmp_path: Path, journals: list[Journal]) -> None:
    path = tmp_path / "j.sqlite"
    await filled(path)
    journals += [Journal(path) for _ in range(4)]
    async with limit():
        await asyncio.gather(*(journal.open() for journal in journals))
        page(path)
        await asyncio.gather(*(journal.about("subject 1") for journal in journals))
        for number, journal in enumerate(journals):
            await journal.write(Entry(number, "ann", "done", "x", str(number)))
        assert len(await journals[0].about("x")) == len(journals)
    assert len(aside(tmp_path)) == 1


def test_status_says_it_and_so_does_the_next(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "journal.sqlite").write_bytes(b"no database at all" * 1000)
    for _ in range(2):
        said = foh(tmp_path, "status", "--demo")
        assert said.stderr == ""
        assert f"the journal was set aside as {state}/journal.sqlite.aside-" in " ".join(said.stdout.split())
    assert "journal.sqlite.aside-" in foh(tmp_path, "status", "--demo", "--json").stdout


DAMAGED = 100


async def test_a_hundred_journals_with_bits_turned(tmp_path: Path, journals: list[Journal]) -> None:
    """Whatever was turned: it opens, and takes and gives what is written from then on."""
    whole = tmp_path / "whole"
    await filled(whole)
    data, chance = whole.read_bytes(), random.Random(13)
    for number in range(DAMAGED):
        path = tmp_path / str(number) / "j.sqlite"
        path.parent.mkdir()
        bad = bytearray(data)
        for _ in range(chance.choice([1, 8, 200])):
            at = chance.randrange(len(bad))
            bad[at] ^= 1 << chance.randrange(8)
        path.write_bytes(bad[: chance.choice([len(bad), len(bad), chance.randrange(len(bad))])])
        journals.append(journal := Journal(path))
        async with limit():
            await journal.open()
            await journal.open_incidents()
            await journal.unfinished()
            await journal.about("subject 1")
            await journal.write(Entry(1.0, "eva", "done", "x", "new"))
            assert [entry.text for entry in await journal.about("x")][:1] == ["new"], number
            await journal.close()


WRITER = """
import asyncio, sys
from pathlib import Path
from console.venue.journal import Entry, Journal

async def main():
    journal = Journal(Path(sys.argv[1]))
    await journal.open()
    number = int(sys.argv[2])
    while True:
        await journal.write(Entry(number, "ann", "done", "x", str(number)))
        print(number, flush=True)
        number += 1

asyncio.run(main())
"""
KILLS = 30


async def test_killed_outright_nothing_that_was_written_is_lost(tmp_path: Path) -> None:
    path, last, chance = tmp_path / "j.sqlite", 0, random.Random(7)
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, path, str(last + 1)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout
            for _ in range(chance.randrange(1, 12)):
                last = int(writer.stdout.readline())
            writer.kill()
            rest = writer.stdout.read().split("\n")
            last = max([last, *(int(line) for line in rest[:-1])])
        journal = Journal(path)
        await journal.open()
        found = [int(entry.text) for entry in await journal.about("x", 10_000)]
        await journal.close()
        assert found[-last:] == list(range(last, 0, -1))
        assert journal.trouble == ""
        last = found[0]  # one may have been written and not said
