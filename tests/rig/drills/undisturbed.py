"""Whether nine boards that are played to hear every frame while a console starts and watches."""

from __future__ import annotations

from tests.patience import HEARD, elapse, until
from tests.rig.devices.venue import ROOMS
from tests.rig.drills.console import WELL, Foh, trouble
from tests.rig.drills.venue import Venue, card, triggered


def undisturbed(venue: Venue, foh: Foh, seconds: float) -> None:
    """All rooms are being played a recording that numbers its frames, and none is missing that would be there without a
    console: none at all. What the bus has not got in time it catches up, and that is no loss: one is a number that is
    left out, or a PCM that ran dry and began anew."""
    until(lambda: not slips(venue))
    begun = {room: triggered(card(port)) for port, room in enumerate(ROOMS, 1)}
    venue.ask("follow")
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL)
        elapse(seconds)
    missing = total(venue.ask("followed"))
    anew = [room for port, room in enumerate(ROOMS, 1) if triggered(card(port)) != begun[room]]
    assert (missing, anew) == (0, []), f"{missing} slips; rooms whose PCM began anew: {anew}"


def slips(venue: Venue) -> int:
    """How often the next frame was not the next number, in a while in all rooms."""
    venue.ask("follow")
    elapse(HEARD)
    return total(venue.ask("followed"))


def total(followed: dict[str, dict[str, int]]) -> int:
    assert all(room["frames"] for room in followed.values()), followed
    return sum(room["slips"] for room in followed.values())
