"""What a Mopidy's log adds to its zone: where the log is, its report, and its last entry."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from backends.audio import log_follower
from backends.audio.log_follower import Follower, LogPlace
from backends.audio.mopidy import log
from backends.audio.mopidy.log import LogReport, unreadable_log
from backends.audio.mopidy.model import last_begun
from backends.contract import IO, Unknown

LAST_WORDS = 0.3  # seconds in which it is read once more after the server has ended


class PlayerLog:
    """One player's log. It outlives the player, so that it can say why the player ended."""

    def __init__(self) -> None:
        self._log: Follower | Unknown = Unknown()
        self._begun: float | None = None  # when playback started, by the history
        self._report: LogReport | None = None
        self._basis: tuple[int, float, bool] = (0, 0.0, False)  # the inputs of that report

    async def find(self, pid: int | Unknown, stack: AsyncExitStack, io: IO) -> None:
        """Follows the log of this process until the stack ends."""
        self._begun = self._report = None
        self._follow(pid if isinstance(pid, Unknown) else await io.thread(log_follower.place, pid))
        if isinstance(self._log, Follower):
            await stack.enter_async_context(self._log.following(io))

    async def report(self, settled: float, playing: bool, history: Callable[[], Awaitable[Any]]) -> LogReport:
        """What it says now. A failure applies until playback starts again or is stopped: `settled` is the time of the
        last such event, and `history` is read once for what happened before the events."""
        if isinstance(self._log, Unknown):
            return unreadable_log(self._log)
        if self._log.trouble:
            return unreadable_log(self._log.trouble)
        basis = (self._log.count, settled, playing)
        if self._report is None or basis != self._basis:
            lines, where = self._log.lines, str(self._log.place)
            report = log.report(lines, where, max(self._begun or 0, settled), playing)
            if report.evidence and self._begun is None:
                self._begun = last_begun(await history())
                report = log.report(lines, where, max(self._begun, settled), playing)
            self._report, self._basis = report, basis
        return self._report

    async def last_words(self, pid: int | None, io: IO) -> str:
        """The last warning or error in it, or of process `pid`; "" if unknown."""
        if pid is not None:
            self._follow(await io.thread(log_follower.place, pid), keep=True)
        if isinstance(self._log, Unknown):
            return ""
        async with self._log.following(io):
            await asyncio.sleep(LAST_WORDS)
        last = log.bad(log.entries(self._log.lines), 1)
        return last[0].text if last else ""

    def _follow(self, place: LogPlace | Unknown, keep: bool = False) -> None:
        """`keep`: keep the log known before, because its process has just ended."""
        if isinstance(place, Unknown):
            self._log = self._log if keep else place
        elif isinstance(self._log, Unknown) or self._log.place != place:
            self._log = Follower(place)
