"""Follows a server's log where its process writes it: a file, or the journal of its systemd unit."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections import deque
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from msgspec import Struct

from backends.audio.mopidy.log import Line
from backends.audio.systemd import unit_of
from backends.children import pauses
from backends.contract import IO, Unknown, Why, clean

KEPT = 400  # lines
EVERY, ANSWER = 1.0, 2.0  # seconds: between two looks into a file, and for one
TAIL = 65536  # bytes: where a file is entered, from its end, and the most that is read at once
JOURNAL = ("journalctl", "--follow", "--output=json", f"--lines={KEPT}")


class Place(Struct, frozen=True):
    """Where a process's output goes: a file, or a unit's journal (of the user's own manager, where `user`)."""

    file: str = ""
    unit: str = ""
    user: bool = False

    def __str__(self) -> str:
        return self.file or f"journal of {self.unit}"

    def journal(self) -> Sequence[str]:
        """The command that follows the unit's journal."""
        return (*JOURNAL, *(["--user"] if self.user else []), f"--unit={self.unit}")


def place(pid: int, proc: Path = Path("/proc")) -> Place | Unknown:
    """Where a process writes its messages, by its standard error and output (4.x uses the latter). Blocking."""
    within = unit_of(pid, proc)
    unit = Place(unit=within.name, user=within.uid is not None) if within else None
    said = []
    for number in (2, 1):
        try:
            target = str((proc / str(pid) / "fd" / str(number)).readlink())
        except PermissionError:  # another user's; what systemd starts writes to its journal unless told otherwise
            return unit or Unknown(Why.DENIED, "its output belongs to another user")
        except OSError as error:
            return Unknown(Why.UNREACHABLE, f"process {pid}: {error.strerror}")
        if target.startswith("/") and not target.startswith("/dev/"):
            return Place(target)
        if target.startswith("socket:") and unit:
            return unit
        said.append(target)
    return Unknown(Why.NOT_APPLICABLE, f"it writes its log to {said[0]}, where nobody can read it again")


class Follower:
    """The last lines of one log, read beside whatever else its source does: a file system that hangs, hangs alone."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.lines: deque[Line] = deque(maxlen=KEPT)
        self.count = 0  # how many there have been
        self.trouble: Unknown | None = Unknown()  # why it is not known what stands in it
        self._file: tuple[int, int] = (0, 0)  # inode, and how far it was read
        self._rest = b""

    @contextlib.asynccontextmanager
    async def following(self, io: IO) -> AsyncIterator[None]:
        """Reads it as long as the body runs."""
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
        """Follows for ever: a journalctl that ends is started again, less and less often."""
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
        """Reads what a file has got since; a new file of that name, or one cut short, is begun anew. Blocking."""
        try:
            file = os.open(self.place.file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO must not hold us
            try:
                status = os.fstat(file)
                if not stat.S_ISREG(status.st_mode):
                    raise OSError("it is no file")
                self._read(file, status)
                self.trouble = None
            finally:
                os.close(file)
        except OSError as error:
            self.trouble = Unknown(Why.UNREACHABLE, clean(f"{self.place}: {error.strerror or error}"))

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
        self._keep([Line(status.st_mtime, line.decode("utf-8", "replace")) for line in whole])

    def _keep(self, lines: Sequence[Line]) -> None:
        self.lines.extend(lines)
        self.count += len(lines)


def _of_journal(entry: dict[str, object]) -> Line:
    """systemd.journal-fields(7), and its JSON format: text that is not UTF-8 is a list of bytes."""
    said, stamp = entry.get("MESSAGE"), str(entry.get("__REALTIME_TIMESTAMP", "0"))
    if isinstance(said, list):
        said = bytes(byte for byte in said if isinstance(byte, int) and 0 <= byte < 256).decode("utf-8", "replace")
    return Line(int(stamp) / 1e6 if stamp.isdecimal() else 0.0, str(said or ""))
