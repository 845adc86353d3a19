"""The durable record: incidents, plans, steps, outcomes, and who did them. SQLite, written off the event loop."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiosqlite
from msgspec import Struct

SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,          -- seconds since the epoch
    who TEXT NOT NULL,         -- the operator, or foh itself
    what TEXT NOT NULL,        -- opened changed cleared acked silenced forgotten planned step done failed
    subject TEXT NOT NULL,     -- an incident's key or a resource's id
    text TEXT NOT NULL,
    data TEXT NOT NULL         -- JSON: evidence, plan, observed values
);
CREATE INDEX IF NOT EXISTS entry_subject ON entry (subject, id);
"""
COLUMNS = "at, who, what, subject, text, data"


class Entry(Struct, frozen=True):
    """One line of the journal."""

    at: float
    who: str
    what: str
    subject: str
    text: str
    data: dict[str, Any] = {}


class Journal:
    """An open journal. Every write is on the disk when it returns. Raises OSError with a sentence if it cannot be."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble = ""  # why the last write failed; empty when all is well
        self._db: aiosqlite.Connection | None = None

    async def open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = await aiosqlite.connect(self.path, timeout=2)
            await self._db.execute("PRAGMA journal_mode = WAL")
            await self._db.execute("PRAGMA synchronous = FULL")
            await self._db.executescript(SCHEMA)
        except (sqlite3.Error, OSError) as error:
            self.trouble = f"journal {self.path}: {error}"
            await self.close()

    async def write(self, *entries: Entry) -> None:
        try:
            if self._db is None:
                raise OSError(self.trouble or "the journal is not open")
            insert = f"INSERT INTO entry ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"
            values = [(e.at, e.who, e.what, e.subject, e.text, json.dumps(e.data)) for e in entries]
            # Closed in the database's own thread: a cursor that is dropped here would reset, in this thread, the
            # cached statement that the next write is binding there (SQLITE_MISUSE).
            async with self._db.executemany(insert, values):
                await self._db.commit()
            self.trouble = ""
        except (sqlite3.Error, ValueError) as error:
            self.trouble = f"journal {self.path}: {error}"
            raise OSError(self.trouble) from error

    async def about(self, subject: str, most: int = 20) -> Sequence[Entry]:
        """The newest entries about one subject, newest first; empty if the journal cannot be read."""
        if self._db is None:
            return ()
        query = f"SELECT {COLUMNS} FROM entry WHERE subject = ? ORDER BY id DESC LIMIT ?"
        try:
            rows = await self._db.execute_fetchall(query, (subject, most))
        except sqlite3.Error as error:
            self.trouble = f"journal {self.path}: {error}"
            return ()
        return [Entry(at, who, what, about, text, json.loads(data)) for at, who, what, about, text, data in rows]

    async def accepted(self) -> dict[str, tuple[str, float]]:
        """Incidents whose latest word was an acknowledgement or a silence: key -> (who, silenced until)."""
        if self._db is None:
            return {}
        query = (
            "SELECT subject, who, what, data FROM entry WHERE id IN "
            "(SELECT max(id) FROM entry WHERE what IN ('opened', 'cleared', 'acked', 'silenced') GROUP BY subject)"
        )
        rows = await self._db.execute_fetchall(query)
        return {
            subject: (who if what == "acked" else "", float(json.loads(data).get("until", 0)))
            for subject, who, what, data in rows
            if what in ("acked", "silenced")
        }

    async def close(self) -> None:
        if self._db is not None:
            db, self._db = self._db, None
            await db.close()
