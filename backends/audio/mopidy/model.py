"""What Mopidy's JSON means: pure functions from its answers to a Zone. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

from backends.audio import transport
from backends.audio.mopidy.process import PlayerProcess
from backends.audio.mopidy.zone import MopidyZone
from backends.contract import (
    Args,
    Evidence,
    Expect,
    Id,
    Key,
    Link,
    Offer,
    Refused,
    Unknown,
    Why,
    clean,
)
from backends.kinds import PLACE, PLAYBACK

RpcCall: TypeAlias = tuple[str, Args]
Outcome: TypeAlias = tuple[list[RpcCall], tuple[Expect, ...]]

STATE = "core.playback.get_state"
POSITION = "core.playback.get_time_position"
TRACK = "core.playback.get_current_tl_track"
STREAM = "core.playback.get_stream_title"
VOLUME = "core.mixer.get_volume"
MUTE = "core.mixer.get_mute"
QUEUE = "core.tracklist.get_length"
VERSION = "core.get_version"
# The position comes last: when the output hangs, it is the first call that never returns.
READ = (VERSION, STATE, TRACK, STREAM, VOLUME, MUTE, QUEUE, POSITION)

ONCE = ("core.playback.next", "core.playback.previous", "core.tracklist.add")  # never repeated
UNTIL_IT_PLAYS: RpcCall = (POSITION, {})  # among an action's calls: repeated until it plays

NO_MIXER = Unknown(Why.NOT_APPLICABLE, "it has no software mixer")


def request(number: int, method: str, params: Mapping[str, object] | None = None) -> dict[str, object]:
    body: dict[str, object] = {"jsonrpc": "2.0", "id": number, "method": method}
    return body | {"params": dict(params)} if params else body


def dumps(body: object) -> str:
    return json.dumps(body)


def result(answer: object) -> Any:
    """The result in one answer. Raises Refused with Mopidy's message, ValueError if it is not a JSON-RPC answer."""
    if not isinstance(answer, dict) or answer.get("jsonrpc") != "2.0":
        raise ValueError("answers, but not as Mopidy: not JSON-RPC")
    if "error" in answer:
        error = answer["error"] if isinstance(answer["error"], dict) else {}
        data = error.get("data")
        said = data.get("message") if isinstance(data, dict) else data
        raise Refused(clean(said or error.get("message") or "Mopidy refused"))
    if "result" not in answer:
        raise ValueError("answers, but not as Mopidy: neither a result nor an error")
    return answer["result"]


def results(answers: object, methods: Sequence[str]) -> dict[str, Any]:
    """A batch's results by method. Raises ValueError if the answer does not fit the request."""
    if not isinstance(answers, list) or len(answers) != len(methods):
        raise ValueError("answers, but not as Mopidy: not a JSON-RPC batch")
    by_number = {answer.get("id"): answer for answer in answers if isinstance(answer, dict)}
    if by_number.keys() != set(range(len(methods))):
        raise ValueError("answers, but not as Mopidy: its ids are not those of the request")
    return {method: result(by_number[number]) for number, method in enumerate(methods)}


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def word(value: object) -> str | Unknown:
    if value in ("playing", "paused", "stopped"):
        return str(value)
    return Unknown(Why.MALFORMED, f"Mopidy says {clean(value, 40)!r}")


def seconds(value: object) -> int | Unknown:
    """Milliseconds from Mopidy as whole seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15:
        return int(value) // 1000
    return Unknown(Why.MALFORMED, f"Mopidy says {clean(value, 40)!r}")


class Counts(Struct, frozen=True):
    """The counts in a Zone's fields of the same names, from its events."""

    jumps: int = 0
    tracks_begun: int = 0
    passed: int = 0


def count_event(counts: Counts, event: Mapping[str, object]) -> Counts:
    """The counts after one more event. A seek reports its target but not its start: it counts as a seek from 0, so
    that `passed` is too low rather than too high."""
    name, place = event.get("event"), seconds(event.get("time_position"))
    place = 0 if isinstance(place, Unknown) else place
    return Counts(
        jumps=counts.jumps + (name in ("track_playback_started", "seeked")),
        tracks_begun=counts.tracks_begun + (name == "track_playback_started"),
        passed=counts.passed + (place if name == "track_playback_ended" else -place if name == "seeked" else 0),
    )


def zone(id: Id, endpoint: str, answers: Mapping[str, Any], process: PlayerProcess, now: float) -> MopidyZone:
    """A zone from one batch of answers. `model` (events of 4.x) and `__model__` (everything else) are ignored:
    both have the same fields."""
    entry = _object(answers[TRACK])
    track = _object(entry.get("track"))
    nothing = Unknown(Why.NOT_APPLICABLE, "no track")
    artists = [a.get("name") for a in track.get("artists") or () if isinstance(a, dict) and a.get("name")]
    title = answers[STREAM] or track.get("name") or track.get("uri")
    volume, mute = answers[VOLUME], answers[MUTE]
    evidence = tuple(
        Evidence(what, f"{clean(endpoint)} {method}", now, clean(json.dumps(answers[method]), 300))
        for what, method in (
            (PLAYBACK, STATE), ("track", TRACK), (PLACE, POSITION),
            ("software volume", VOLUME), ("software mute", MUTE),
        )
    )  # fmt: skip
    state = word(answers[STATE])
    return MopidyZone(
        id=id,
        name=process.name or id.local,
        keys=(Key("tcp", id.local, id.host), *process.keys(id.host)),
        links=links(process, id.host),
        offers=offers(id, state, isinstance(volume, int)),
        evidence=(*evidence, *process.evidence(now)),
        at=now,
        state=state,
        title=clean(title) if title else nothing,
        artist=clean(", ".join(map(str, artists))) if artists else nothing,
        track=clean(f"#{entry.get('tlid')} {track.get('uri')}", 400) if track else nothing,
        position=seconds(answers[POSITION]) if track else nothing,
        length=seconds(track["length"]) if track.get("length") else Unknown(Why.NOT_APPLICABLE, "a stream"),
        volume=volume if isinstance(volume, int) else NO_MIXER,
        soft_mute=mute if isinstance(mute, bool) else NO_MIXER,
        queue=answers[QUEUE] if isinstance(answers[QUEUE], int) else Unknown(Why.MALFORMED),
        output=process.output,
        version=clean(answers[VERSION], 40),
        endpoint=clean(endpoint),
        pid=process.pid,
    )


_CARD = re.compile(r"(?:plug)?hw:(?:CARD=)?([\w-]+)")
_DEVICE = re.compile(r"""alsasink\b(?:(?!alsasink\b).)*?\bdevice=["']?([^\s"'!]+)""")


def device_of(output: str) -> str | None:
    """The ALSA device in a GStreamer output description, or None.

    `alsasink device=hw:CARD=bar,DEV=0` gives `hw:CARD=bar,DEV=0`."""
    match = _DEVICE.search(output)
    return match[1] if match else None


def links(process: PlayerProcess, host: str) -> tuple[Link, ...]:
    """The links to where the zone's sound goes: the PCM that its process owns, or the card that its output names, or
    the stream that its process plays to a sound server."""
    found: list[Link] = []
    if isinstance(process.pid, int):
        found.append(Link("pcm", Key("pcm-owner", str(process.pid), host), "its process owns the PCM"))
        found.append(Link("stream", Key("stream-owner", str(process.pid), host), "its process plays the stream"))
    device = device_of(process.output) if isinstance(process.output, str) else None
    if device:
        card = _CARD.match(device)
        target = card[1] if card else device
        because = f"audio/output says {clean(device, 60)}"
        found.append(Link("pcm", Key("alsa-card", target, host), because))
        found.append(Link("mixer", Key("alsa-mixer", target, host), because))
    return tuple(found)


def offers(id: Id, state: str | Unknown, has_mixer: bool) -> tuple[Offer, ...]:
    no_mixer = "" if has_mixer else NO_MIXER.detail
    return (
        *transport.offers(id, state, no_mixer),
        Offer(id, "software-mute", "mute in software (heard 1-2 s later)", blocked=no_mixer),
        Offer(id, "software-unmute", "unmute in software", blocked=no_mixer),
        Offer(id, "release", "release the sound card", blocked="" if state == "stopped" else "not stopped"),
    )


def last_played(history: object) -> str:
    """The URI of the newest entry of `core.history.get_history`. Raises Refused if there is none."""
    entries = history if isinstance(history, list) else []
    refs = [_object(entry[1]) for entry in entries if isinstance(entry, list) and len(entry) == 2]
    if not (refs and isinstance(refs[0].get("uri"), str)):
        raise Refused("nothing is queued and nothing was played: restart it instead")
    return str(refs[0]["uri"])


def last_begun(history: object) -> float:
    """When the newest entry of `core.history.get_history` began to play, seconds since the epoch; 0 if none."""
    newest = history[0] if isinstance(history, list) and history else None
    stamp = newest[0] if isinstance(newest, list) and newest else 0
    return stamp / 1000 if isinstance(stamp, int) else 0.0


def describe_call(call: RpcCall) -> str:
    """A call, for a plan's step."""
    method, params = call
    return f"{method}, until it is above 0" if call == UNTIL_IT_PLAYS else f"{method} {params or ''}".strip()


def release(zone: MopidyZone, uri: str) -> list[RpcCall]:
    """Play muted, wait until it plays, stop: if stopped within about 30 ms of `play`, Mopidy 3.4.1 deadlocks one time
    in ten. `uri` is what to play if the queue is empty ("": it is not)."""
    calls: list[RpcCall] = [("core.playback.play", {}), UNTIL_IT_PLAYS, ("core.playback.stop", {})]
    if uri:
        calls = [("core.tracklist.add", {"uris": (uri,)}), *calls, ("core.tracklist.clear", {})]
    if zone.soft_mute is False:
        calls = [("core.mixer.set_mute", {"mute": True}), *calls, ("core.mixer.set_mute", {"mute": False})]
    return calls
