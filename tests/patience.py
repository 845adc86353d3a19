"""How the tests wait: until something is so, and for as long as this machine needs in this run.

No test says how many seconds it waits (`backends/testing/patience.py` has the bound, which is the same everywhere).

That nothing happens is never proved by letting time pass, but by something that comes after and can be counted:
`changed` and `throughout`. That something happens *soon* is no test's business: `make bench` measures it, against a
bare observer of the same event in the same run.

`tests/test_patience.py` finds every number of seconds that is written elsewhere in the tests.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

from backends.testing.patience import BOUND, ENVIRONMENT, POLL, SLOWNESS, changed, limit, processors, until, until_async

__all__ = ["BOUND", "ENVIRONMENT", "POLL", "SLOWNESS", "changed", "limit", "processors", "until", "until_async"]

# --- time that really has to pass -------------------------------------------------------------------------

SOAK = float(os.environ.get("SOAK") or 30)  # seconds for which people use nine healthy zones (`make soak`: 600)
A_TEST = 5 * BOUND + SOAK  # seconds for a whole test, by pytest-timeout: for one that hangs where it does not wait
HEARD = 2.0  # seconds for which a player is listened to
RUNS, STARVED = 0.2, 0.6  # seconds in turns that a player gets to run and does not, so that its sound has gaps
IDLE, LONG_IDLE = 10.0, 300.0  # seconds for which real kernels' boards are watched, and may not notice
UDEV_LOOKS = 3.5  # seconds: udev looks for changed rules at an event, but not twice within 3 s (udev-manager.c)
NEVER = 86400.0  # seconds: instead of a period of the product, so that it is not what brings something about


def elapse(seconds: float) -> None:
    """Lets time pass. `seconds` is one of the names above, or a product's own period: never a number."""
    time.sleep(seconds)


def soak() -> Iterator[None]:
    """Goes on for `SOAK` seconds."""
    end = time.monotonic() + SOAK
    while time.monotonic() < end:
        yield


def throughout(holds: Callable[[], object], ends: Callable[[], object], what: str = "") -> Callable[[], bool]:
    """A condition: `ends()`. Looking at it fails where `holds()` is not so at that moment."""

    def look() -> bool:
        assert holds(), f"not so throughout: {what or 'what should hold'}"
        return bool(ends())

    return look
