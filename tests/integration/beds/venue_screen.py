"""What the console's screen shows of a venue, and what is pressed there."""

from __future__ import annotations

import contextlib
import random
import re
from collections.abc import Iterator, Sequence

from tests.patience import changed
from tests.terminal import Terminal

CLEAN = "0 CRIT  0 warn"


def row(terminal: Terminal, name: str) -> str:
    """The line of a resource in its pane."""
    found = re.compile(rf"(?:^|\s)[Cwi ] {name}\s")
    below = terminal.screen()[12:]
    return next((line[match.start() :] for line in below if (match := found.search(line))), "")


def incidents(terminal: Terminal) -> list[str]:
    """The critical ones and the warnings in the table of incidents. (LXD's housekeeping fails without internet.)"""
    lines = terminal.screen()
    end = next((n for n, line in enumerate(lines) if line.startswith("1 audio zones")), len(lines))
    return [line for line in lines[3:end] if re.match(r" [Cw] ", line)]


def clock(terminal: Terminal, zone: str) -> str:
    found = re.search(r"\s(\d+:\d\d)\s+\d+%", row(terminal, zone)[:90])
    return found[1] if found else ""


def word() -> str:
    return f"X{random.randrange(10**9)}"


@contextlib.contextmanager
def moving(terminal: Terminal, zones: Sequence[str]) -> Iterator[None]:
    """What the body breaks does not stop these: before it is put right, each zone's position moves on the screen,
    second by second."""
    yield
    moved = [changed(lambda zone=zone: clock(terminal, zone), 3) for zone in zones]
    terminal.until(lambda: False not in [each() for each in moved])  # each is looked at


def together(console: Terminal, action: str) -> None:
    """Chooses the first action that can be taken with all that is marked."""
    console.press("a")
    console.wait_for("actions on these 9")
    console.press("enter")
    console.wait_for(f"9 side by side: {action}")
