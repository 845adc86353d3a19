"""How the tests wait: until something is so, and for as long as this machine needs in this run.

No test says how many seconds it waits. It waits `until` a condition holds, looking again at each piece of news, and
gives up after `BOUND`, which is the same everywhere and grows with the slowness of the machine. A test that passes
waits no longer than it must; only one that fails waits for the bound.

That nothing happens is never proved by letting time pass, but by something that comes after and can be counted:
`changed` and `throughout`. That something happens *soon* is no test's business: `make bench` measures it, against a
bare observer of the same event in the same run.

`tests/test_patience.py` finds every number of seconds that is written elsewhere in the tests.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
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

# --- time that really has to pass -------------------------------------------------------------------------

SOAK = float(os.environ.get("SOAK") or 30)  # seconds for which people use nine healthy zones (`make soak`: 600)
A_TEST = 5 * BOUND + SOAK  # seconds for a whole test, by pytest-timeout: for one that hangs where it does not wait
HEARD = 2.0  # seconds for which a player is listened to
RUNS, STARVED = 0.2, 0.6  # seconds in turns that a player gets to run and does not, so that its sound has gaps
IDLE, LONG_IDLE = 10.0, 300.0  # seconds for which real kernels' boards are watched, and may not notice
UDEV_LOOKS = 3.5  # seconds: udev looks for changed rules at an event, but not twice within 3 s (udev-manager.c)
NEVER = 86400.0  # seconds: instead of a period of the product, so that it is not what brings something about
LATE = 6.0  # seconds by which a fake server delays its answers: longer than every deadline a backend should have


def elapse(seconds: float) -> None:
    """Lets time pass. `seconds` is one of the names above, or a product's own period: never a number."""
    time.sleep(seconds)


def soak() -> Iterator[None]:
    """Goes on for `SOAK` seconds."""
    end = time.monotonic() + SOAK
    while time.monotonic() < end:
        yield


# --- waiting ----------------------------------------------------------------------------------------------


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


def _given_up(what: str, seen: Callable[[], object]) -> str:
    return f"not so after {BOUND:.0f} s: {what or 'what is waited for'}; seen instead: {seen()}"


# --- conditions -------------------------------------------------------------------------------------------


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


def throughout(holds: Callable[[], object], ends: Callable[[], object], what: str = "") -> Callable[[], bool]:
    """A condition: `ends()`. Looking at it fails where `holds()` is not so at that moment."""

    def look() -> bool:
        assert holds(), f"not so throughout: {what or 'what should hold'}"
        return bool(ends())

    return look
