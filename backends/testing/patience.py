"""How a test waits: until something is so, and for as long as this machine needs in this run.

A test waits `until` a condition holds, looks again at each piece of news, and gives up after `BOUND`, which grows with
the slowness of the machine. A test that passes waits no longer than it must; only one that fails waits for the bound.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

LEAST = 60.0  # seconds of the bound on a machine that is not slow
QUICK = 0.5  # seconds that WORK takes on such a machine
WORK = "import asyncio, json, sqlite3, subprocess; sum(number * number for number in range(8_000_000))"
POLL = 0.05  # seconds after which a condition is looked at again where nothing gives news
ENVIRONMENT = "FOH_TEST_BOUND"  # measured once: workers, and programs that tests start, have it from there


def _slowness() -> float:
    """How many times longer than QUICK a fixed piece of work takes here and now, beside as many of its like as tests
    run beside each other. At least 1."""
    begun = time.monotonic()
    workers = [subprocess.Popen([sys.executable, "-c", WORK]) for _ in range(processors())]
    for worker in workers:
        worker.wait()
    return max(1.0, (time.monotonic() - begun) / QUICK)


def processors() -> int:
    """How many tests run at the same time: one a processor that we may use, and at least two."""
    return max(2, len(os.sched_getaffinity(0)))


BOUND = float(os.environ.get(ENVIRONMENT) or LEAST * _slowness())  # seconds after which a wait has failed
os.environ[ENVIRONMENT] = str(BOUND)

SLOWNESS = BOUND / LEAST  # 1 on a machine that is not slow


def until(
    holds: Callable[[], T], what: str = "", *, news: Callable[[float], object] = time.sleep,
    seen: Callable[[], object] = lambda: "nothing to show",
) -> T:  # fmt: skip
    """Waits until `holds()` is true and returns what it returned.

    `news(seconds)` returns when there may be something new to see, at the latest after so many seconds. AssertionError
    with `what` was waited for, and what can be `seen` instead, when the bound has passed.
    """
    end = time.monotonic() + BOUND
    while not (found := holds()):
        if time.monotonic() > end:
            raise AssertionError(_given_up(what, seen))
        news(POLL)
    return found


async def until_async(
    holds: Callable[[], T], what: str = "", *, news: Callable[[float], Awaitable[object]] = asyncio.sleep,
    seen: Callable[[], object] = lambda: "nothing to show",
) -> T:  # fmt: skip
    """The same in an event loop, which goes on meanwhile."""
    end = time.monotonic() + BOUND
    while not (found := holds()):
        if time.monotonic() > end:
            raise AssertionError(_given_up(what, seen))
        await news(POLL)
    return found


def limit() -> asyncio.Timeout:
    """For what is awaited and gives no condition to look at: TimeoutError after the bound."""
    return asyncio.timeout(BOUND)


def changed(look: Callable[[], object], times: int = 1) -> Callable[[], bool]:
    """A condition: what `look` returns has changed so many times since now. For proving that something else does not
    happen in the meantime: the events are counted, not the seconds."""
    last, left = look(), times

    def holds() -> bool:
        nonlocal last, left
        if (now := look()) != last:
            last, left = now, left - 1
        return left <= 0

    return holds


def _given_up(what: str, seen: Callable[[], object]) -> str:
    return f"not so after {BOUND:.0f} s: {what or 'what is waited for'}; seen instead: {seen()}"
