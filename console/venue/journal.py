"""The durable record: incidents, plans, steps, outcomes, and who did them. SQLite, written off the event loop."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import aiosqlite
from msgspec import Struct

from backends.contract import Plan
from backends.wire import Wire

WIRE = Wire()
VERSION = 1  # of the schema, as the file's user_version; 0: from before there were versions
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,          -- seconds since the epoch
    who TEXT NOT NULL,         -- the operator, or foh itself
    what TEXT NOT NULL,        -- of incidents: opened changed cleared acked silenced forgotten; of runs: planned step
                               -- seen cancel, then done failed cancelled or unknown, and settled
    subject TEXT NOT NULL,     -- an incident's key or a resource's id
    text TEXT NOT NULL,
    data TEXT NOT NULL         -- JSON: evidence, plan, observed values
);
CREATE INDEX IF NOT EXISTS entry_subject ON entry (subject, id);
CREATE TABLE IF NOT EXISTS run (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    who TEXT NOT NULL,
    target TEXT NOT NULL,
    action TEXT NOT NULL,
    plan TEXT NOT NULL,              -- a frame (backends/wire.py)
    owner TEXT NOT NULL,             -- the process that carries it out (owner.py)
    outcome TEXT NOT NULL DEFAULT '', -- done failed cancelled unknown; empty until it ends
    text TEXT NOT NULL DEFAULT '',   -- the newest that is known of it, in words
    settled INTEGER NOT NULL DEFAULT 0 -- an operator, or the same action done again, has put an unknown one right
);
CREATE TABLE IF NOT EXISTS step (
    run INTEGER NOT NULL REFERENCES run (id),
    number INTEGER NOT NULL,         -- from 1, as in the plan
    at REAL NOT NULL,                -- written before it is done
    ended REAL,                      -- written when it was done; empty: unknown whether it was done
    PRIMARY KEY (run, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cancel (
    run INTEGER PRIMARY KEY REFERENCES run (id), -- that is to end before its next step
    at REAL NOT NULL,
    who TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS run_going ON run (target) WHERE outcome = '';
PRAGMA user_version = {VERSION};
"""
ENTRY = "at, who, what, subject, text, data"
RUN = "id, at, who, target, action, plan, owner, outcome, text"


class Entry(Struct, frozen=True):
    """One line of the journal."""

    at: float
    who: str
    what: str
    subject: str
    text: str
    data: dict[str, Any] = {}


class RunRow(Struct, frozen=True):
    """One run as the journal has it. `outcome` is empty until it ends; `plan` is a frame (backends/wire.py)."""

    id: int
    at: float
    who: str
    target: str
    action: str
    plan: str
    owner: str
    outcome: str = ""
    text: str = ""

    @property
    def planned(self) -> Plan | None:
        """The plan that it carries out; None where another foh wrote one that this one cannot read."""
        try:
            plan = WIRE.decode(self.plan)
        except ValueError:
            return None
        return plan if isinstance(plan, Plan) else None

    @property
    def label(self) -> str:
        """The action in words."""
        return self.planned.offer.label if self.planned else self.action


class Busy(Exception):
    """Another run is going on with the same target."""

    def __init__(self, row: RunRow) -> None:
        super().__init__(row.target)
        self.row = row


class Journal:
    """An open journal. Every write is on the disk when it returns. Raises OSError with a sentence if it cannot be."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble = ""  # why the last write failed; empty when all is well
        self._db: aiosqlite.Connection | None = None
        self._opening = asyncio.Lock()
        self._turn = asyncio.Lock()  # one transaction after the other

    async def open(self) -> None:
        """Also where it is open already."""
        async with self._opening:
            if self._db is not None:
                return
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._db = await self._opened()
            except (sqlite3.Error, OSError) as error:
                self.trouble = f"journal {self.path}: {error}"

    async def _opened(self) -> aiosqlite.Connection:
        """Raises sqlite3.Error, and OSError where a newer foh wrote it."""
        db = await aiosqlite.connect(self.path, timeout=2)
        try:
            ((version,),) = await db.execute_fetchall("PRAGMA user_version")
            if version > VERSION:
                newer = f"it was written by a newer foh (schema {version}; this foh knows {VERSION})"
                raise OSError(f"{newer}: update foh, or set FOH_STATE to another folder")
            await db.execute("PRAGMA journal_mode = WAL")
            await db.execute("PRAGMA synchronous = FULL")
            await db.executescript(SCHEMA)
        except BaseException:
            await db.close()
            raise
        return db

    async def write(self, *entries: Entry) -> None:
        await self._change([_insert(entry) for entry in entries])

    async def about(self, subject: str, most: int = 20) -> Sequence[Entry]:
        """The newest entries about one subject, newest first; empty if the journal cannot be read."""
        rows = await self._read(f"SELECT {ENTRY} FROM entry WHERE subject = ? ORDER BY id DESC LIMIT ?", subject, most)
        return [Entry(at, who, what, about, text, json.loads(data)) for at, who, what, about, text, data in rows]

    async def accepted(self) -> dict[str, tuple[str, float]]:
        """Incidents whose latest word was an acknowledgement or a silence: key -> (who, silenced until)."""
        rows = await self._read(
            "SELECT subject, who, what, data FROM entry WHERE id IN "
            "(SELECT max(id) FROM entry WHERE what IN ('opened', 'cleared', 'acked', 'silenced') GROUP BY subject)"
        )
        return {
            subject: (who if what == "acked" else "", float(json.loads(data).get("until", 0)))
            for subject, who, what, data in rows
            if what in ("acked", "silenced")
        }

    # --- runs -----------------------------------------------------------------------------------------------

    async def begin(self, run: RunRow, entry: Entry) -> int:
        """Writes down a run that begins; its number. The same action, left with an unknown outcome, is settled by it.
        Raises Busy where another one is going on with the same target."""
        insert = "INSERT INTO run (at, who, target, action, plan, owner) VALUES (?, ?, ?, ?, ?, ?)"
        values = (run.at, run.who, run.target, run.action, run.plan, run.owner)
        settle = "UPDATE run SET settled = 1 WHERE outcome = 'unknown' AND target = ? AND action = ?"
        try:
            new, _ = await self._change([(insert, values), (settle, (run.target, run.action)), _insert(entry)])
        except sqlite3.IntegrityError as error:
            if other := await self.going(run.target):
                raise Busy(other) from error
            raise OSError(f"journal {self.path}: {error}") from error
        return new

    async def step_begins(self, run: int, number: int, entry: Entry) -> bool:
        """Whether it may begin: no step begins in a cancelled run."""
        insert = (
            "INSERT INTO step (run, number, at) SELECT ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM cancel WHERE run = ?)"
        )
        _, count = await self._change([(insert, (run, number, entry.at, run)), _insert_if_changed(entry)])
        return count > 0

    async def step_ends(self, run: int, number: int, at: float, *entries: Entry) -> None:
        update = "UPDATE step SET ended = ? WHERE run = ? AND number = ?"
        await self._change([(update, (at, run, number)), *map(_insert, entries)])

    async def steps(self, run: int) -> dict[int, bool]:
        """The steps that have begun, by number, and whether each is known to have been done."""
        rows = await self._read("SELECT number, ended IS NOT NULL FROM step WHERE run = ?", run)
        return {number: bool(done) for number, done in rows}

    async def cancel(self, run: int, last: int, entry: Entry) -> bool:
        """Asks a run to end before its next step. False where its last step has begun, or it has ended."""
        insert = (
            "INSERT OR IGNORE INTO cancel (run, at, who) SELECT id, ?, ? FROM run WHERE id = ? AND outcome = '' "
            "AND NOT EXISTS (SELECT 1 FROM step WHERE run = ? AND number >= ?)"
        )
        values = (entry.at, entry.who, run, run, last)
        await self._change([(insert, values), _insert_if_changed(entry)])
        return bool(await self.cancelled_by(run))

    async def cancelled_by(self, run: int) -> str:
        """Who cancelled a run; "" if it was not cancelled."""
        rows = await self._read("SELECT who FROM cancel WHERE run = ?", run)
        return next((str(who) for (who,) in rows), "")

    async def end(self, id: int, owner: str, outcome: str, text: str, entry: Entry) -> None:
        """Writes down how a run of that process has ended, unless it has ended already or is another's now."""
        ended = "UPDATE run SET outcome = ?, text = ? WHERE id = ? AND owner = ? AND outcome = ''"
        await self._change([(ended, (outcome, text, id, owner)), _insert_if_changed(entry)])

    async def take_over(self, id: int, before: str, owner: str) -> RunRow | None:
        """Hands a run from one process to another; None where it has ended, or was another's. Raises OSError."""
        taken = "UPDATE run SET owner = ? WHERE id = ? AND owner = ? AND outcome = ''"
        await self._change([(taken, (owner, id, before))])
        row = await self.run(id)
        return row if row and row.owner == owner and not row.outcome else None

    async def run(self, id: int) -> RunRow | None:
        rows = await self._read(f"SELECT {RUN} FROM run WHERE id = ?", id)
        return next((RunRow(*row) for row in rows), None)

    async def settle(self, id: int, entry: Entry) -> None:
        """A run whose outcome is unknown has been handled: it is not shown any more."""
        await self._change([("UPDATE run SET settled = 1 WHERE id = ?", (id,)), _insert(entry)])

    async def going(self, target: str) -> RunRow | None:
        """The run that has not ended with this target."""
        rows = await self._read(f"SELECT {RUN} FROM run WHERE outcome = '' AND target = ?", target)
        return next((RunRow(*row) for row in rows), None)

    async def unfinished(self) -> list[RunRow]:
        """The runs that have not ended, and those that ended with an unknown outcome and are not settled."""
        rows = await self._read(f"SELECT {RUN} FROM run WHERE outcome = '' OR (outcome = 'unknown' AND NOT settled)")
        return [RunRow(*row) for row in rows]

    # --- the file -------------------------------------------------------------------------------------------

    async def _change(self, statements: Iterable[tuple[str, Sequence[object]]]) -> tuple[int, int]:
        """All of them or none; the number of the first one's new row, and how many rows that one changed. Raises
        sqlite3.IntegrityError, OSError."""
        first: tuple[int, int] | None = None
        async with self._opening:  # what is being opened is waited for
            pass
        async with self._turn:
            if self._db is None:
                raise OSError(self.trouble or "the journal is not open")
            try:
                for sql, values in statements:
                    # Closed in the database's own thread: a cursor that is dropped here would reset, in this thread,
                    # the cached statement that the next write is binding there (SQLITE_MISUSE).
                    async with self._db.execute(sql, values) as cursor:
                        first = first or (cursor.lastrowid or 0, cursor.rowcount)
                await self._db.commit()
                self.trouble = ""
            except BaseException as error:
                await self._db.rollback()
                if isinstance(error, sqlite3.IntegrityError) or not isinstance(error, sqlite3.Error | ValueError):
                    raise
                self.trouble = f"journal {self.path}: {error}"
                raise OSError(self.trouble) from error
        return first or (0, 0)

    async def _read(self, query: str, *values: object) -> Iterable[Any]:
        """Rows; none if the journal cannot be read."""
        if self._db is None:
            return ()
        try:
            return await self._db.execute_fetchall(query, values)
        except sqlite3.Error as error:
            self.trouble = f"journal {self.path}: {error}"
            return ()

    async def close(self) -> None:
        async with self._turn:
            db, self._db = self._db, None
            if db is not None:
                await db.close()


def _insert(entry: Entry) -> tuple[str, Sequence[object]]:
    insert = f"INSERT INTO entry ({ENTRY}) VALUES (?, ?, ?, ?, ?, ?)"
    return insert, (entry.at, entry.who, entry.what, entry.subject, entry.text, json.dumps(entry.data))


def _insert_if_changed(entry: Entry) -> tuple[str, Sequence[object]]:
    """Where the statement before it has changed a row."""
    return f"INSERT INTO entry ({ENTRY}) SELECT ?, ?, ?, ?, ?, ? WHERE changes()", _insert(entry)[1]
