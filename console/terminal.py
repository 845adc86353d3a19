"""The terminal before Textual has it, and after. Imports next to nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import termios
import threading
from collections.abc import Iterator
from typing import Any

# Leaves everything that a full-screen program switches on: alternate screen, mouse, focus, paste, kitty keys,
# hidden cursor, synchronised output. Harmless where it was not on.
LEAVE = "".join(f"\x1b[?{mode}l" for mode in (2026, 1000, 1002, 1003, 1006, 1015, 1004, 2004, 1049))
LEAVE += "\x1b[<u\x1b[?25h\x1b[0m"
cooked: list[Any] | None = None  # the terminal as it was


def first_frame(what: str) -> None:
    """A skeleton of the screen in plain bytes, so that something is there before anything is imported."""
    columns, rows = os.get_terminal_size(1)
    title = f" foh  {what}  reading..."[:columns]
    keys = " q quit"[:columns]
    os.write(1, f"\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J\x1b[1m{title}\x1b[0m\x1b[{rows};1H{keys}".encode())


@contextlib.contextmanager
def restored() -> Iterator[None]:
    """Gives the terminal back as it was, however the body ends: by a signal as well, even one that was ignored,
    until the application handles them itself."""
    global cooked
    before = cooked = termios.tcgetattr(0)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError, termios.error):
            os.write(1, LEAVE.encode())
            termios.tcsetattr(0, termios.TCSADRAIN, before)
        raise
    finally:
        sys.stdout.flush()


def end_soon(code: int) -> None:
    """The program ends now, even if a thread of a library still hangs in a disk or a driver."""
    timer = threading.Timer(0.5, os._exit, (code,))
    timer.daemon = True
    timer.start()
