"""How much a hostile peer makes this process grow."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil

ROOM = 20 << 20  # bytes by which it may grow


@contextlib.contextmanager
def spared() -> Iterator[None]:
    """Fails if the memory of this process grows by more than ROOM in the body, at any moment of it."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew: proc(5)
    before = psutil.Process().memory_info().rss
    yield
    grown = _peak() - before
    assert grown < ROOM, f"the process grew by {grown >> 20} MiB"


def _peak() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))
