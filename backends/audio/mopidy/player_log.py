"""What a Mopidy's log adds to its zone: where the log is, what it tells now, and its last words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from backends.audio import log_follower
from backends.audio.log_follower import Follower, Place
from backends.audio.mopidy import log
from backends.audio.mopidy.log import Told, untold
from backends.audio.mopidy.model import last_begun
from backends.contract import IO, Unknown

LAST_WORDS = 0.3  # seconds in which it is read once more when the server has gone


class PlayerLog:
    """One player's log. It outlives the player, so that it can say why that ended."""

    def __init__(self) -> None:
        self._log: Follower | Unknown = Unknown()
        self._begun: float | None = None  # when it had begun to play, as far as its history was asked
        self._told: Told | None = None
        self._basis: tuple[int, float, bool] = (0, 0.0, False)  # what that rests on

    async def find(self, pid: int | Unknown, stack: AsyncExitStack, io: IO) -> None:
        """Follows the log of this process until the stack ends."""
        self._begun = self._told = None
        self._follow(pid if isinstance(pid, Unknown) else await io.thread(log_follower.place, pid))
        if isinstance(self._log, Follower):
            await stack.enter_async_context(self._log.following(io))

    async def told(self, settled: float, playing: bool, history: Callable[[], Awaitable[Any]]) -> Told:
        """What it says now. A failure stands until the player has begun to play again, or was stopped: `settled` is
        when its events told so; `history` is asked once for what was before those."""
        if isinstance(self._log, Unknown):
            return untold(self._log)
        if self._log.trouble:
            return untold(self._log.trouble)
        basis = (self._log.count, settled, playing)
        if self._told is None or basis != self._basis:
            lines, where = self._log.lines, str(self._log.place)
            told = log.told(lines, where, max(self._begun or 0, settled), playing)
            if told.evidence and self._begun is None:
                self._begun = last_begun(await history())
                told = log.told(lines, where, max(self._begun, settled), playing)
            self._told, self._basis = told, basis
        return self._told

    async def last_words(self, pid: int | None, io: IO) -> str:
        """The last warning or error that it holds, or that process `pid` has written; "" where that is not known."""
        if pid is not None:
            self._follow(await io.thread(log_follower.place, pid), keep=True)
        if isinstance(self._log, Unknown):
            return ""
        async with self._log.following(io):
            await asyncio.sleep(LAST_WORDS)
        last = log.bad(log.entries(self._log.lines), 1)
        return last[0].text if last else ""

    def _follow(self, place: Place | Unknown, keep: bool = False) -> None:
        """`keep`: a process that has just ended leaves what was known of its log."""
        if isinstance(place, Unknown):
            self._log = self._log if keep else place
        elif isinstance(self._log, Unknown) or self._log.place != place:
            self._log = Follower(place)
