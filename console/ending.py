"""How a signal ends the console: through its event loop, and without it if the loop is stuck."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import termios
import threading
from collections.abc import Callable, Iterable
from typing import Any

from console import terminal

AT_LAST = 5.0  # seconds after a signal: beyond what runs have to come to their end (venue/runs.py)


def leave_on(numbers: Iterable[signal.Signals], leave: Callable[[int], object]) -> None:
    """Calls `leave` with an exit status in the running event loop when one of these signals arrives, even one that was
    ignored. If the loop is too busy, a timer ends the program after `AT_LAST` and restores the terminal: Python runs
    signal handlers between two bytecodes, independent of the loop."""
    loop, cooked = asyncio.get_running_loop(), terminal.cooked

    def obey(number: int, frame: object) -> None:
        loop.call_soon_threadsafe(leave, 128 + number)
        timer = threading.Timer(AT_LAST, _end_now, (128 + number, cooked))
        timer.daemon = True
        timer.start()

    for number in numbers:
        signal.signal(number, obey)


def traceback_of(error: BaseException | None) -> str:
    """An exception with its traceback, each line cleaned."""
    import traceback

    from backends.contract import clean

    text = "".join(traceback.format_exception(error)) if error else "no exception is known"
    return "\n".join(clean(line, 500) for line in text.splitlines())


def _end_now(code: int, cooked: list[Any] | None) -> None:
    with contextlib.suppress(OSError, termios.error):
        os.set_blocking(1, False)  # it may take nothing any more
        os.write(1, terminal.LEAVE.encode())
        if cooked:
            termios.tcsetattr(0, termios.TCSANOW, cooked)
    os._exit(code)
