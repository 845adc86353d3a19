"""Follows the log of a server: the file that its process writes, or the journal of its systemd unit."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from msgspec import Struct

from backends.audio.mopidy.log import LogLine
from backends.audio.systemd import unit_of
from backends.children import pauses
from backends.contract import IO, Unknown, Why, clean
from backends.foreign import is_trusted, opened, user_name

KEPT, LONGEST = 400, 2000  # lines, and characters of one
EVERY, ANSWER = 1.0, 2.0  # seconds: between two reads of a file, and the deadline of one
TAIL = 65536  # bytes: the part of a file that is read first, and the most that one read takes
JOURNAL = ("journalctl", "--follow", "--output=json", f"--lines={KEPT}")


class LogPlace(Struct, frozen=True):
    """Where a process's output goes: a file, or a unit's journal (`user`: of the user's own manager)."""

    file: str = ""
    unit: str = ""
    user: bool = False

    def __str__(self) -> str:
        return self.file or f"journal of {self.unit}"

    def journal(self) -> Sequence[str]:
        """The command that follows the unit's journal."""
        return (*JOURNAL, *(["--user"] if self.user else []), f"--unit={self.unit}")


def place(pid: int, proc: Path = Path("/proc")) -> LogPlace | Unknown:
    """Where a process writes its messages: its standard error, or its standard output (Mopidy 4.x). Blocking."""
    try:
        uid = (proc / str(pid)).stat().st_uid
    except OSError as error:
        return Unknown(Why.UNREACHABLE, f"process {pid}: {error.strerror}")
    if not is_trusted(uid):
        return Unknown(Why.DENIED, f"its process belongs to {user_name(uid)}, whose log foh does not read")
    within = unit_of(pid, proc)
    unit = LogPlace(unit=within.name, user=within.uid is not None) if within else None
    said = []
    for number in (2, 1):
        try:
            target = str((proc / str(pid) / "fd" / str(number)).readlink())
        except PermissionError:  # another user's; a systemd service writes to its journal by default
            return unit or Unknown(Why.DENIED, "its output belongs to another user")
        except OSError as error:
            return Unknown(Why.UNREACHABLE, f"process {pid}: {error.strerror}")
        if target.startswith("/") and not target.startswith("/dev/"):
            return LogPlace(target)
        if target.startswith("socket:") and unit:
            return unit
        said.append(target)
    return Unknown(Why.NOT_APPLICABLE, f"it writes its log to {said[0]}, which cannot be read back")


class Follower:
    """The last lines of one log. Reads in a task of its own, so that a hung file system does not stop its source."""

    def __init__(self, place: LogPlace) -> None:
        self.place = place
        self.lines: deque[LogLine] = deque(maxlen=KEPT)
        self.count = 0  # lines read so far
        self.trouble: Unknown | None = Unknown()  # why the log cannot be read
        self._file: tuple[int, int] = (0, 0)  # inode, and the offset of the next read
        self._rest = b""

    @contextlib.asynccontextmanager
    async def following(self, io: IO) -> AsyncIterator[None]:
        """Follows the log while the body runs."""
        reader = asyncio.create_task(self._reading(io) if self.place.file else self._journal(io))
        try:
            yield
        finally:
            reader.cancel()
            await asyncio.wait({reader})

    async def _reading(self, io: IO) -> None:
        with io.part("log") as part:
            while True:
                try:
                    await part.thread(self.look, within=ANSWER)
                except TimeoutError:
                    self.trouble = Unknown(Why.UNREACHABLE, f"{clean(self.place)} does not answer")
                await asyncio.sleep(EVERY)

    async def _journal(self, io: IO) -> None:
        """Follows without end. Restarts a journalctl that ends, with back-off."""
        self.trouble, attempts = None, pauses()
        while True:
            try:
                async with io.child(self.place.journal(), "journalctl") as child:
                    self.lines.clear()
                    while True:
                        self._keep([_of_journal(await child.receive())])
                        self.trouble, attempts = None, pauses()
            except (OSError, ValueError) as error:
                self.trouble = Unknown(Why.UNREACHABLE, clean(f"{self.place}: {error}"))
            await asyncio.sleep(next(attempts))

    def look(self) -> None:
        """Reads what was appended to the file. Starts again if it was replaced or truncated. Blocking."""
        try:
            with opened(self.place.file) as (file, status):
                self._read(file, status)
            self.trouble = None
        except OSError as error:
            self.trouble = Unknown(
                Why.UNREACHABLE, clean(f"{self.place}: {error.strerror or 'it is not a regular file'}")
            )

    def _read(self, file: int, status: os.stat_result) -> None:
        inode, done = self._file
        if inode != status.st_ino or done > status.st_size:
            done, self._rest = 0, b""
        if done == status.st_size:
            return
        begin = max(done, status.st_size - TAIL)
        text = os.pread(file, TAIL, begin)
        self._file = (status.st_ino, begin + len(text))
        if begin == done:
            text = self._rest + text
        *whole, self._rest = text.split(b"\n")
        self._rest = self._rest[-TAIL:]
        self._keep([LogLine(status.st_mtime, line.decode("utf-8", "replace")) for line in whole])

    def _keep(self, lines: Sequence[LogLine]) -> None:
        self.lines.extend(LogLine(line.at, line.text[:LONGEST]) for line in lines)
        self.count += len(lines)


def _of_journal(entry: dict[str, object]) -> LogLine:
    """One entry in the journal's JSON format (systemd.journal-fields(7)): text that is not UTF-8 is a list of bytes."""
    said, stamp = entry.get("MESSAGE"), str(entry.get("__REALTIME_TIMESTAMP", "0"))
    if isinstance(said, list):
        said = bytes(byte for byte in said if isinstance(byte, int) and 0 <= byte < 256).decode("utf-8", "replace")
    return LogLine(int(stamp) / 1e6 if stamp.isdecimal() else 0.0, str(said or ""))
