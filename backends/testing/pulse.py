"""For how long one callback held up the event loop."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

BEAT = 0.01  # seconds between two looks


class Pulse:
    """How long the event loop stood still, at worst, less what its thread waited for a processor: so that a busy
    machine is not taken for a source that blocks."""

    def __init__(self) -> None:
        self.worst = 0.0

    async def feel(self) -> None:
        while True:
            begun = time.monotonic() - _starved()
            await asyncio.sleep(BEAT)
            self.worst = max(self.worst, time.monotonic() - _starved() - begun - BEAT)


def _starved() -> float:
    """Seconds for which this thread could have run and had no processor (Documentation/scheduler/sched-stats.rst)."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
