"""The actions that every player has. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from backends.contract import Arg, Expect, Id, Offer, Refused, Test, Unknown, clean
from backends.kinds import Zone

BECOMES = {"play": "playing", "pause": "paused", "stop": "stopped"}
FLOWS = 8.0  # seconds until its position must move after `play`: a stream fills its buffer first
_PERCENT = Arg("percent", "volume", "%", minimum=0, maximum=100, field="volume")


def offers(id: Id, state: str | Unknown, no_mixer: str) -> tuple[Offer, ...]:
    """`no_mixer` says why it has no volume of its own ("": it has one)."""
    stopped = "stopped" if state == "stopped" else ""
    return (
        Offer(id, "play", "play", blocked="already playing" if state == "playing" else ""),
        Offer(id, "pause", "pause", blocked="" if state == "playing" else "not playing"),
        Offer(id, "stop", "stop", blocked=stopped and "already stopped"),
        Offer(id, "again", "restart playback", blocked="" if state == "playing" else "not playing"),
        Offer(id, "next", "next track", blocked=stopped),
        Offer(id, "previous", "previous track", blocked=stopped),
        Offer(id, "volume", "volume of the player", args=(_PERCENT,), blocked=no_mixer),
    )


def expect_state(action: str, zone: Zone) -> Expect:
    """The expected result of play, pause or stop. Raises Refused if nothing would change."""
    if action == "play" and zone.queue == 0:
        raise Refused("nothing is queued")
    if action == "pause" and zone.state == "stopped":
        raise Refused("it is stopped")
    if zone.state == BECOMES[action]:
        raise Refused(f"already {zone.state}")
    return Expect(zone.id, "state", BECOMES[action], 4)


def expect_restart(zone: Zone) -> tuple[Expect, ...]:
    """The expected result of a restart of playback: a track starts, and its position moves."""
    if zone.state != "playing" or isinstance(zone.tracks_begun, Unknown):
        raise Refused("it is not playing")
    begun = Expect(zone.id, "tracks_begun", zone.tracks_begun, FLOWS, Test.DIFFERS)
    return begun, Expect(zone.id, "position", 0, FLOWS, Test.DIFFERS)


def expect_skip(zone: Zone) -> Expect:
    """The expected result of next or previous."""
    return Expect(zone.id, "track", zone.track if isinstance(zone.track, str) else "", 4, Test.DIFFERS)


def volume(args: Mapping[str, str], zone: Zone) -> tuple[int, Expect]:
    """The requested volume, and the expected result. Raises Refused for an invalid volume and for the present one."""
    said = args.get("percent", "")
    if not (said.isascii() and said.isdigit() and int(said) <= 100):
        raise Refused(f"volume is a whole number from 0 to 100, not {clean(said, 20)!r}")
    if isinstance(zone.volume, Unknown):
        raise Refused(zone.volume.detail)
    if zone.volume == int(said):
        raise Refused(f"the volume is already {zone.volume} %")
    return int(said), Expect(zone.id, "volume", int(said), 3)
