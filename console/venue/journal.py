"""The durable record: incidents, plans, steps, outcomes, and who did them. SQLite, written off the event loop."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from backends.contract import Plan, Severity
from backends.wire import Wire
from console.venue.journal_file import JournalFile, Statement
from console.venue.journal_schema import COLUMNS

T = TypeVar("T")

WIRE = Wire()
ENTRY, RUN, INCIDENT = COLUMNS["entry"], COLUMNS["run"], COLUMNS["incident"]
KEPT = 400 * 86_400.0  # seconds for which a line is kept
LARGEST = 128 << 20  # bytes of lines that are kept, the newest
BATCH = 1000  # lines that are dropped at once
# The last line of the oldest batch, the time of the first one, and the bytes in use.
OLDEST = """SELECT max(id), (SELECT at FROM entry ORDER BY id LIMIT 1),
(SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size)
FROM (SELECT id FROM entry ORDER BY id LIMIT ?)"""
MOST = 1000  # entries that are kept in memory while the journal cannot be written; incidents that are remembered


class OpenIncident(Struct, frozen=True):
    """What outlasts the process that opened an incident. Times in seconds since the epoch. `severity` is what it was
    when it was opened, or when somebody last accepted it."""

    opened: float
    severity: Severity
    acked_by: str = ""
    silenced_until: float = 0.0


class Entry(Struct, frozen=True):
    """One line of the journal."""

    at: float
    who: str
    what: str
    subject: str
    text: str
    data: dict[str, Any] = {}
    remember: OpenIncident | None = None  # what is true of the incident from now on


class _IncidentRow(OpenIncident, frozen=True, kw_only=True):
    key: str


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


class Journal(JournalFile):
    """An open journal. What is written is on the disk when it returns. Raises OSError with a sentence if that fails."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._waiting = deque[Entry]()
        self._flushing = asyncio.Lock()
        self._lost = 0

    @property
    def trouble(self) -> str:
        """What is wrong with it, in words; empty when all is well."""
        waiting = f"; {len(self._waiting)} entries wait in memory" if self._waiting else ""
        lost = f"; the {self._lost} oldest were lost" if self._lost else ""
        failure = f"{self.failure}{waiting}{lost}" if self.failure or self._waiting else ""
        return "; ".join(filter(None, (failure or self.scarce, self.aside)))

    @property
    def waits(self) -> bool:
        """Whether entries are kept in memory because they could not be written."""
        return bool(self._waiting)

    async def write(self, *entries: Entry) -> None:
        """With those that could not be written before. What cannot be written is kept in memory, the newest MOST. It
        goes on where the waiting is cancelled."""
        self._waiting.extend(entries)
        flushing = asyncio.create_task(self._flush())
        flushing.add_done_callback(_seen)
        await asyncio.shield(flushing)

    async def _flush(self) -> None:
        async with self._flushing:
            if self._db is None:
                await self.open()
            if not self._waiting:
                return
            batch = list(self._waiting)
            self._waiting.clear()
            try:
                await self.change(statement for entry in batch for statement in _statements(entry))
            except BaseException:
                self._waiting.extendleft(reversed(batch))
                self.keep()
                raise
            self._lost = 0

    def keep(self, *entries: Entry) -> None:
        """Keeps entries in memory, to be written with the next ones."""
        self._waiting.extend(entries)
        while len(self._waiting) > MOST:
            self._waiting.popleft()
            self._lost += 1

    async def about(self, subject: str, most: int = 20) -> Sequence[Entry]:
        """The newest entries about one subject, newest first, without those that wait; empty if the journal cannot be
        read."""
        where = "entry WHERE subject = ? ORDER BY id DESC LIMIT ?"
        return await self._select(ENTRY, where, Entry, subject, most)

    async def open_incidents(self) -> dict[str, OpenIncident]:
        """The incidents that were open when somebody last looked, the newest MOST, by their keys as text."""
        found = await self._select(INCIDENT, "incident ORDER BY opened DESC LIMIT ?", _IncidentRow, MOST)
        return {row.key: OpenIncident(row.opened, row.severity, row.acked_by, row.silenced_until) for row in found}

    async def _select(self, columns: str, where: str, type: type[T], *values: object) -> list[T]:
        """Rows; none if the journal cannot be read. A file that holds what it never should is set aside."""
        rows, names = await self.read(f"SELECT {columns} FROM {where}", *values), columns.split(", ")
        try:
            return msgspec.convert([_decoded(dict(zip(names, row, strict=True))) for row in rows], list[type])  # type: ignore[valid-type]
        except ValueError as error:
            await self.replace(f"what it holds cannot be read: {error}")
            return []

    async def prune(self, now: float) -> bool:
        """Drops a BATCH of the oldest lines: those older than KEPT, and those beyond LARGEST. Runs that have ended go
        with the lines of their time; open incidents and what is unsettled stay. Whether there may be more to drop."""
        found = await self.read(OLDEST, BATCH)
        last, at, used = found[0] if found else (None, 0.0, 0)
        if last is None or not (used > LARGEST or at < now - KEPT):
            return False
        drop = "DELETE FROM entry WHERE id <= ?" + (" AND at < ?" if used <= LARGEST else "")
        ended = "SELECT id FROM run WHERE at < ? AND outcome != '' AND (settled OR outcome != 'unknown')"
        before = at if used > LARGEST else now - KEPT
        orphans = [(f"DELETE FROM {table} WHERE run IN ({ended})", (before,)) for table in ("step", "cancel")]
        runs = (f"DELETE FROM run WHERE id IN ({ended})", (before,))
        try:
            await self.change([(drop, (last,) if used > LARGEST else (last, before)), *orphans, runs])
        except OSError:  # said in the header by `trouble`
            return False
        return True

    # --- runs -----------------------------------------------------------------------------------------------

    async def begin(self, run: RunRow, entry: Entry) -> int:
        """Writes down a run that begins; its number. The same action, left with an unknown outcome, is settled by it.
        Raises Busy where another one is going on with the same target."""
        insert = "INSERT INTO run (at, who, target, action, plan, owner) VALUES (?, ?, ?, ?, ?, ?)"
        values = (run.at, run.who, run.target, run.action, run.plan, run.owner)
        settle = "UPDATE run SET settled = 1 WHERE outcome = 'unknown' AND target = ? AND action = ?"
        try:
            new, _ = await self.change([(insert, values), (settle, (run.target, run.action)), _insert(entry)])
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
        _, count = await self.change([(insert, (run, number, entry.at, run)), _insert_if_changed(entry)])
        return count > 0

    async def step_ends(self, run: int, number: int, at: float, *entries: Entry) -> None:
        update = "UPDATE step SET ended = ? WHERE run = ? AND number = ?"
        await self.change([(update, (at, run, number)), *map(_insert, entries)])

    async def steps(self, run: int) -> dict[int, bool]:
        """The steps that have begun, by number, and whether each is known to have been done."""
        rows = await self.read("SELECT number, ended IS NOT NULL FROM step WHERE run = ?", run)
        return {number: bool(done) for number, done in rows}

    async def cancel(self, run: int, last: int, entry: Entry) -> bool:
        """Asks a run to end before its next step. False where its last step has begun, or it has ended."""
        insert = (
            "INSERT OR IGNORE INTO cancel (run, at, who) SELECT id, ?, ? FROM run WHERE id = ? AND outcome = '' "
            "AND NOT EXISTS (SELECT 1 FROM step WHERE run = ? AND number >= ?)"
        )
        values = (entry.at, entry.who, run, run, last)
        await self.change([(insert, values), _insert_if_changed(entry)])
        return bool(await self.cancelled_by(run))

    async def cancelled_by(self, run: int) -> str:
        """Who cancelled a run; "" if it was not cancelled."""
        rows = await self.read("SELECT who FROM cancel WHERE run = ?", run)
        return next((str(who) for (who,) in rows), "")

    async def end(self, id: int, owner: str, outcome: str, text: str, entry: Entry) -> None:
        """Writes down how a run of that process has ended, unless it has ended already or is another's now."""
        ended = "UPDATE run SET outcome = ?, text = ? WHERE id = ? AND owner = ? AND outcome = ''"
        await self.change([(ended, (outcome, text, id, owner)), _insert_if_changed(entry)])

    async def take_over(self, id: int, before: str, owner: str) -> RunRow | None:
        """Hands a run from one process to another; None where it has ended, or was another's. Raises OSError."""
        taken = "UPDATE run SET owner = ? WHERE id = ? AND owner = ? AND outcome = ''"
        await self.change([(taken, (owner, id, before))])
        row = await self.run(id)
        return row if row and row.owner == owner and not row.outcome else None

    async def run(self, id: int) -> RunRow | None:
        return next(iter(await self._select(RUN, "run WHERE id = ?", RunRow, id)), None)

    async def settle(self, id: int, entry: Entry) -> None:
        """A run whose outcome is unknown has been handled: it is not shown any more."""
        await self.change([("UPDATE run SET settled = 1 WHERE id = ?", (id,)), _insert(entry)])

    async def going(self, target: str) -> RunRow | None:
        """The run that has not ended with this target."""
        return next(iter(await self._select(RUN, "run WHERE outcome = '' AND target = ?", RunRow, target)), None)

    async def unfinished(self) -> list[RunRow]:
        """The runs that have not ended, and those that ended with an unknown outcome and are not settled."""
        return await self._select(RUN, "run WHERE outcome = '' OR (outcome = 'unknown' AND NOT settled)", RunRow)


def _insert(entry: Entry) -> tuple[str, Sequence[object]]:
    insert = f"INSERT INTO entry ({ENTRY}) VALUES (?, ?, ?, ?, ?, ?)"
    return insert, (entry.at, entry.who, entry.what, entry.subject, entry.text, json.dumps(entry.data))


def _insert_if_changed(entry: Entry) -> tuple[str, Sequence[object]]:
    """Where the statement before it has changed a row."""
    return f"INSERT INTO entry ({ENTRY}) SELECT ?, ?, ?, ?, ?, ? WHERE changes()", _insert(entry)[1]


def _statements(entry: Entry) -> list[Statement]:
    """The line itself, and what is remembered of an open incident."""
    incident = entry.remember
    if entry.what == "cleared":
        return [_insert(entry), ("DELETE FROM incident WHERE key = ?", (entry.subject,))]
    if incident is None:
        return [_insert(entry)]
    kept = "IGNORE" if entry.what == "opened" else "REPLACE"  # another process may have opened it, and more, before
    values = (entry.subject, incident.opened, incident.severity.value, incident.acked_by, incident.silenced_until)
    return [_insert(entry), (f"INSERT OR {kept} INTO incident ({INCIDENT}) VALUES (?, ?, ?, ?, ?)", values)]


def _decoded(row: dict[str, Any]) -> dict[str, Any]:
    """With its JSON read. Raises ValueError."""
    return row | {"data": json.loads(row["data"])} if isinstance(row.get("data"), str) else row


def _seen(task: asyncio.Task[None]) -> None:
    """What went wrong is in `failure`, whether anybody waits for it or not."""
    if not task.cancelled():
        task.exception()
