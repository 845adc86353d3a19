"""Whether nine boards that are played to hear every frame while a console watches."""

from __future__ import annotations

import time

from tests.rig.drills.console import WELL, Foh, trouble
from tests.rig.drills.recordings import RATE
from tests.rig.drills.venue import Venue, until

KEPT = (
    0.99 * RATE
)  # frames per second, but for the edges of the time. More is no loss: the bus was late, and catches up


def heard(venue: Venue, seconds: float) -> tuple[int, float]:
    """Of the rooms' numbered frames in so many seconds: how often the next one was not the next number, and how many
    the slowest room had in a second."""
    venue.ask("follow")
    time.sleep(seconds)
    rooms = venue.ask("followed").values()
    return sum(room["slips"] for room in rooms), min(room["frames"] / room["seconds"] for room in rooms)


def smooth(venue: Venue) -> bool:
    """Nothing slips, and no room is behind."""
    slips, pace = heard(venue, 1.0)
    return slips == 0 and pace >= KEPT


def undisturbed(venue: Venue, foh: Foh, seconds: float) -> None:
    """All rooms are being played a recording that numbers its frames: without a console, and beside one."""
    until(lambda: smooth(venue), 30)
    alone = heard(venue, seconds)
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL, 40)
        until(lambda: smooth(venue), 30)
        beside = heard(venue, seconds)
    print(f"slips, and frames per second: {alone} without the console, {beside} beside it")
    assert (alone[0], beside[0]) == (0, 0)
    assert min(alone[1], beside[1]) >= KEPT
