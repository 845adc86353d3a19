"""The standard streams of the plain commands: what cannot be written is dropped, and said by the exit status."""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
from typing import Any

LOST = 74  # sysexits.h EX_IOERR: standard output was closed or full; apart from the monitoring plugins' 0 to 3


class Lossy(io.RawIOBase):
    """A descriptor whose reader may go away. `lost` is whether anything was dropped for that."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self.lost = False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: Any, /) -> int:
        while not self.lost:
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:  # somebody has made it so
                select.select([], [self._descriptor], [])
            except OSError:
                self.lost = True
        return memoryview(data).nbytes


def safe_streams() -> Lossy:
    """Makes standard output and standard error ones that never raise. What was closed at the start is the null device
    from now on, so that no file and no socket takes its number. Returns what standard output writes to."""
    closed = [number for number in range(3) if not _is_open(number)]
    for number in closed:
        null = os.open(os.devnull, os.O_RDWR)
        if null != number:
            os.dup2(null, number)
            os.close(null)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  (for the whole program)
    out, error = Lossy(1), Lossy(2)
    out.lost = 1 in closed
    sys.stdout, sys.stderr = _text(out, line_buffering=out.isatty()), _text(error, line_buffering=True)
    return out


def _text(raw: Lossy, line_buffering: bool) -> io.TextIOWrapper:
    encoding = next((e for stream in (sys.stdout, sys.stderr) if (e := getattr(stream, "encoding", None))), "utf-8")
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=line_buffering)


def _is_open(number: int) -> bool:
    with contextlib.suppress(OSError):
        os.fstat(number)
        return True
    return False
