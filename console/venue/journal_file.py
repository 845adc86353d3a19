"""The journal's SQLite file: opened, written in whole transactions off the event loop, and set aside when damaged."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import aiosqlite

from backends.clock import MACHINE
from console.venue.journal_schema import PROBES, VERSION, script

Statement: TypeAlias = tuple[str, Sequence[object]]
DAMAGE = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_MISMATCH,
          sqlite3.SQLITE_FORMAT}  # fmt: skip
TURN = 2.0  # seconds to wait for another process that writes to the file, or opens it
ROOM = 1 << 20  # bytes that should be free on its disk
SAID = 86_400.0  # seconds for which a file that was set aside is mentioned


class Damage(Exception):
    """The file cannot be used as a journal; why, in words."""


class JournalFile:
    """One file that several processes write. One that cannot be used is renamed, never deleted, and a new one begun."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failure = ""  # why it could not be read or written the last time; empty when all is well
        self.aside = ""  # what file was set aside lately
        self.scarce = ""  # whether the disk was nearly full when it was opened
        self._db: aiosqlite.Connection | None = None
        self._identity = (0, 0)
        self._closed = False
        self._opening = asyncio.Lock()
        self._turn = asyncio.Lock()  # one transaction after the other

    async def open(self) -> None:
        """Also where it is open already. What goes wrong is in `failure`."""
        async with self._opening:
            if self._db is None and not self._closed:
                await self._open()

    async def change(self, statements: Iterable[Statement]) -> tuple[int, int]:
        """All of them or none; the number of the first one's new row, and how many rows that one changed. Raises
        sqlite3.IntegrityError, OSError."""
        statements = list(statements)
        async with self._opening:
            pass  # what is being opened is waited for
        async with self._turn:
            if await asyncio.to_thread(_identity, self.path) != self._identity:
                await self._reopen("")
            try:
                return await self._transaction(statements)
            except Damage as damage:
                await self._reopen(str(damage))
                try:
                    return await self._transaction(statements)
                except Damage as again:
                    self.failure = f"journal {self.path}: {again}"
                    raise OSError(self.failure) from again

    async def read(self, query: str, *values: object) -> list[Any]:
        """Rows; none if the journal cannot be read."""
        if self._db is None:
            return []
        try:
            return list(await self._db.execute_fetchall(query, values))
        except (sqlite3.Error, ValueError) as error:
            if _is_damage(error):
                await self.replace(str(error))
            else:
                self.failure = f"journal {self.path}: {error}"
            return []

    async def replace(self, why: str) -> None:
        """Sets the file aside, as damaged, and begins a new one."""
        async with self._turn:
            await self._reopen(why)

    async def close(self) -> None:
        async with self._turn:
            self._closed = True
            await self._close()

    # --- inside ---------------------------------------------------------------------------------------------

    async def _transaction(self, statements: Sequence[Statement]) -> tuple[int, int]:
        first: tuple[int, int] | None = None
        if self._db is None:
            raise OSError(self.failure or "the journal is not open")
        try:
            for sql, values in statements:
                # Closed in the database's own thread: a cursor that is dropped here would reset, in this thread,
                # the cached statement that the next write is binding there (SQLITE_MISUSE).
                async with self._db.execute(sql, values) as cursor:
                    first = first or (cursor.lastrowid or 0, cursor.rowcount)
            await self._db.commit()
            self.failure = ""
        except BaseException as error:
            with contextlib.suppress(sqlite3.Error):  # a damaged file cannot be rolled back either
                await self._db.rollback()
            if isinstance(error, sqlite3.IntegrityError) or not isinstance(error, sqlite3.Error | ValueError):
                raise
            if _is_damage(error):
                raise Damage(str(error)) from error
            self.failure = f"journal {self.path}: {error}"
            raise OSError(self.failure) from error
        return first or (0, 0)

    async def _reopen(self, damage: str) -> None:
        """Closes and opens it, set aside before that where it is damaged."""
        before, closed = self._identity, self._closed
        await self._close()
        if not closed:
            await self._open(damage, before)

    async def _close(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            with contextlib.suppress(sqlite3.Error):
                await db.close()

    async def _open(self, damage: str = "", damaged: tuple[int, int] = (0, 0)) -> None:
        """No other process opens it or sets it aside meanwhile. `damaged` is the file in which damage was found: where
        another process has set it aside already, that is not done again."""
        try:
            await asyncio.to_thread(self.path.parent.mkdir, parents=True, exist_ok=True, mode=0o700)
            with contextlib.ExitStack() as stack:
                await asyncio.to_thread(stack.enter_context, _locked(self.path.parent))
                if damage and await asyncio.to_thread(_identity, self.path) == damaged:
                    await asyncio.to_thread(_set_aside, self.path, damage)
                try:
                    self._db = await self._connected()
                except Damage as found:
                    await asyncio.to_thread(_set_aside, self.path, str(found))
                    self._db = await self._connected()
                self._identity = await asyncio.to_thread(_identity, self.path)
                self.aside = await asyncio.to_thread(_lately_aside, self.path)
                self.scarce = await asyncio.to_thread(_scarce, self.path)
            self.failure = ""
        except (sqlite3.Error, OSError, Damage) as error:
            self.failure = f"journal {self.path}: {error}"

    async def _connected(self) -> aiosqlite.Connection:
        """Raises sqlite3.Error, and Damage."""
        db = await aiosqlite.connect(self.path, timeout=TURN)
        try:
            ((version,),) = await db.execute_fetchall("PRAGMA user_version")
            if version > VERSION:
                raise Damage(f"it was written by a newer foh (schema {version}; this foh knows {VERSION})")
            await db.execute("PRAGMA journal_mode = WAL")
            await db.execute("PRAGMA synchronous = FULL")
            if version < VERSION:
                await db.executescript(script(version))
            for probe in PROBES:
                await db.execute_fetchall(probe)
        except BaseException as error:
            await db.close()
            if _is_damage(error):
                raise Damage(str(error)) from error
            raise
        return db


def _is_damage(error: BaseException) -> bool:
    """Whether the file itself is at fault, and not the disk or another process. Text that is no UTF-8 has no code."""
    if not isinstance(error, sqlite3.Error):
        return False
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, sqlite3.OperationalError) if code is None else code & 0xFF in DAMAGE


def _identity(path: Path) -> tuple[int, int]:
    """Which file is there; (0, 0) if none is."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_dev, found.st_ino)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """The folder, for this process alone; after TURN even so, as another one may be stopped. Blocking."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        end = MACHINE.now() + TURN
        while MACHINE.now() < end:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def _set_aside(path: Path, why: str) -> None:
    """Renames the file, with what SQLite keeps beside it, and writes down why. Raises OSError."""
    stem = f"{path.name}.aside-{time.strftime('%Y%m%d-%H%M%S')}"
    taken = {file.name for file in path.parent.glob(f"{stem}*")}
    name = next(name for n in range(1000) if (name := f"{stem}-{n}" if n else stem) not in taken)
    for ending in ("-wal", "-shm", ""):  # a new file must never meet the old one's -wal
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(path.with_name(name + ending))
    with contextlib.suppress(OSError):  # only words
        path.with_name(f"{name}.txt").write_text(why + "\n", "utf-8")


def _scarce(path: Path) -> str:
    """A sentence where the disk has less than ROOM left; "" else."""
    disk = os.statvfs(path.parent)
    left = disk.f_bavail * disk.f_frsize
    return f"journal {path}: its disk is full ({left // 1024} KiB are free)" if left < ROOM else ""


def _lately_aside(path: Path) -> str:
    """A sentence about the newest file that was set aside, for a day; "" if there is none."""
    names = sorted(file for file in path.parent.glob(f"{path.name}.aside-*.txt"))
    if not names or MACHINE.wall(MACHINE.now()) - names[-1].stat().st_mtime > SAID:
        return ""
    why = names[-1].read_text("utf-8", "replace")[:200].strip()
    return f"the journal was set aside as {names[-1].with_suffix('')} ({why}) and a new one begun"
