"""What can be done with a Mopidy: each action reads what it rests on, and says which calls and what must follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from backends.audio.mopidy import model
from backends.audio.mopidy.client import rpc
from backends.contract import Expect, Refused, Test, Unknown
from backends.kinds import Zone

if TYPE_CHECKING:
    import httpx


async def _state(client: httpx.AsyncClient, zone: Zone, wanted: str, action: str) -> model.Outcome:
    if zone.state == wanted:
        raise Refused(f"already {wanted}")
    return model.calls_of(action, {}), (Expect(zone.id, "state", wanted, 4),)


async def _play(client: httpx.AsyncClient, zone: Zone, args: Mapping[str, str]) -> model.Outcome:
    if zone.queue == 0:
        raise Refused("nothing is queued")
    return await _state(client, zone, "playing", "play")


async def _pause(client: httpx.AsyncClient, zone: Zone, args: Mapping[str, str]) -> model.Outcome:
    if zone.state == "stopped":
        raise Refused("it is stopped")
    return await _state(client, zone, "paused", "pause")


async def _stop(client: httpx.AsyncClient, zone: Zone, args: Mapping[str, str]) -> model.Outcome:
    return await _state(client, zone, "stopped", "stop")


async def _next(client: httpx.AsyncClient, zone: Zone, args: Mapping[str, str]) -> model.Outcome:
    return await _skip(client, zone, "next")


async def _previous(client: httpx.AsyncClient, zone: Zone, args: Mapping[str, str]) -> model.Outcome:
    return await _skip(client, zone, "previous")


async def _skip(client: httpx.AsyncClient, zone: Zone, action: str) -> model.Outcome:
    tlid = await rpc(client, f"core.tracklist.get_{action}_tlid")
    current = zone.track if isinstance(zone.track, str) else ""
    if tlid is None:
        raise Refused(f"there is no {action} track")
    if current.startswith(f"#{tlid} "):
        raise Refused("it would play the same track again")
    return model.calls_of(action, {}), (Expect(zone.id, "track", current, 4, Test.DIFFERS),)


async def _volume(client: httpx.AsyncClient, zone: Zone, args: Mapping[str, str]) -> model.Outcome:
    if isinstance(zone.volume, Unknown):
        raise Refused(zone.volume.detail)
    calls = model.calls_of("volume", args)
    wanted = calls[0][1]["volume"]
    if zone.volume == wanted:
        raise Refused(f"the volume is already {wanted} %")
    return calls, (Expect(zone.id, "volume", int(str(wanted)), 3),)


async def _soft_mute(client: httpx.AsyncClient, zone: Zone, args: Mapping[str, str]) -> model.Outcome:
    return _soft(zone, "software-mute", True)


async def _soft_unmute(client: httpx.AsyncClient, zone: Zone, args: Mapping[str, str]) -> model.Outcome:
    return _soft(zone, "software-unmute", False)


def _soft(zone: Zone, action: str, wanted: bool) -> model.Outcome:
    if isinstance(zone.soft_mute, Unknown):
        raise Refused(zone.soft_mute.detail)
    if zone.soft_mute is wanted:
        raise Refused(f"already {'' if wanted else 'un'}muted in software")
    return model.calls_of(action, {}), (Expect(zone.id, "soft_mute", wanted, 3),)


async def _release(client: httpx.AsyncClient, zone: Zone, args: Mapping[str, str]) -> model.Outcome:
    """Only what begins to play and is stopped lets go of the PCM: not `stop` when stopped, not `clear`."""
    if zone.state != "stopped":
        raise Refused("it is not stopped")
    uri = "" if zone.queue else model.last_played(await rpc(client, "core.history.get_history"))
    return model.release(zone, uri), (Expect(zone.id, "state", "closed", 4, via="pcm"),)


ACTIONS = {
    "play": _play,
    "pause": _pause,
    "stop": _stop,
    "next": _next,
    "previous": _previous,
    "volume": _volume,
    "software-mute": _soft_mute,
    "software-unmute": _soft_unmute,
    "release": _release,
}
