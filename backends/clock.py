"""The program's one clock. It is handed in, so that a recording or a test can drive it."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Times are seconds since the epoch. `now` never jumps: the difference of two times is a true duration."""

    def now(self) -> float: ...

    def wall(self, at: float) -> float:
        """The same moment on the wall clock as it is set now: for the screen, the journal and the wire."""

    async def sleep(self, seconds: float) -> None: ...


class MachineClock:
    """This machine's clock: the wall clock at the start of the program plus monotonic time."""

    def __init__(self) -> None:
        self._start = time.time() - time.monotonic()

    def now(self) -> float:
        return self._start + time.monotonic()

    def wall(self, at: float) -> float:
        return at + (time.time() - self.now())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


MACHINE = MachineClock()  # one for the process: sources and venue must agree on the time
