"""The actions on a Mopidy: each reads what it needs and returns the calls to make and the expected result."""

from __future__ import annotations

from collections.abc import Mapping

from backends.audio import transport
from backends.audio.mopidy import model
from backends.audio.mopidy.client import Core
from backends.audio.mopidy.zone import MopidyZone
from backends.contract import Expect, Refused, Unknown


async def _play(core: Core, zone: MopidyZone, args: Mapping[str, str]) -> model.Outcome:
    return _turn(zone, "play")


async def _pause(core: Core, zone: MopidyZone, args: Mapping[str, str]) -> model.Outcome:
    return _turn(zone, "pause")


async def _stop(core: Core, zone: MopidyZone, args: Mapping[str, str]) -> model.Outcome:
    return _turn(zone, "stop")


async def _again(core: Core, zone: MopidyZone, args: Mapping[str, str]) -> model.Outcome:
    return [("core.playback.stop", {}), ("core.playback.play", {})], transport.expect_restart(zone)


def _turn(zone: MopidyZone, action: str) -> model.Outcome:
    return [(f"core.playback.{action}", {})], (transport.expect_state(action, zone),)


async def _next(core: Core, zone: MopidyZone, args: Mapping[str, str]) -> model.Outcome:
    return await _skip(core, zone, "next")


async def _previous(core: Core, zone: MopidyZone, args: Mapping[str, str]) -> model.Outcome:
    return await _skip(core, zone, "previous")


async def _skip(core: Core, zone: MopidyZone, action: str) -> model.Outcome:
    tlid = await core.call(f"core.tracklist.get_{action}_tlid")
    current = zone.track if isinstance(zone.track, str) else ""
    if tlid is None:
        raise Refused(f"there is no {action} track")
    if current.startswith(f"#{tlid} "):
        raise Refused("it would play the same track again")
    return [(f"core.playback.{action}", {})], (transport.expect_skip(zone),)


async def _volume(core: Core, zone: MopidyZone, args: Mapping[str, str]) -> model.Outcome:
    wanted, expect = transport.volume(args, zone)
    return [("core.mixer.set_volume", {"volume": wanted})], (expect,)


async def _soft_mute(core: Core, zone: MopidyZone, args: Mapping[str, str]) -> model.Outcome:
    return _soft(zone, True)


async def _soft_unmute(core: Core, zone: MopidyZone, args: Mapping[str, str]) -> model.Outcome:
    return _soft(zone, False)


def _soft(zone: MopidyZone, wanted: bool) -> model.Outcome:
    if isinstance(zone.soft_mute, Unknown):
        raise Refused(zone.soft_mute.detail)
    if zone.soft_mute is wanted:
        raise Refused(f"already {'' if wanted else 'un'}muted in software")
    return [("core.mixer.set_mute", {"mute": wanted})], (Expect(zone.id, "soft_mute", wanted, 3),)


async def _release(core: Core, zone: MopidyZone, args: Mapping[str, str]) -> model.Outcome:
    """Mopidy closes the PCM only when it starts to play and then stops: not on `stop` when stopped, nor on `clear`."""
    if zone.state != "stopped":
        raise Refused("it is not stopped")
    uri = "" if zone.queue else model.last_played(await core.call("core.history.get_history"))
    return model.release(zone, uri), (Expect(zone.id, "state", "closed", 4, via="pcm"),)


ACTIONS = {
    "play": _play,
    "pause": _pause,
    "stop": _stop,
    "again": _again,
    "next": _next,
    "previous": _previous,
    "volume": _volume,
    "software-mute": _soft_mute,
    "software-unmute": _soft_unmute,
    "release": _release,
}
