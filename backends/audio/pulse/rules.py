"""The rule about streams at a sound server: whether a zone's music plays where it should. Pure."""

from __future__ import annotations

import re

from msgspec import Struct

from backends.audio.rules import lost_end
from backends.contract import Evidence, Finding, Gone, Remedy, Rule, Severity, Unknown, Verdict, View
from backends.kinds import OUTPUT, Stream, Zone

_DEVICE = re.compile(
    r"""\b(pulsesink|alsasink)\b(?:(?!\b(?:pulse|alsa)sink\b)[^!])*?\bdevice=["']?([^\s"'!]+)"""
).findall


class ExpectedSink(Struct, frozen=True):
    """The sink that a zone's stream belongs in, with the evidence and the doubt."""

    sink: str
    evidence: tuple[Evidence, ...]
    not_known: str = ""


def expected_sink(zone: Zone, stream: Stream) -> ExpectedSink | None:
    """The sink that the stream requested; else the one in the player's configuration; else the one where the stream was
    first seen. An ALSA device counts if a sink has its name: only ALSA's configuration says what the device means."""
    if isinstance(stream.asked, str):
        return ExpectedSink(stream.asked, stream.proof("asked"))
    configured = zone.proof(OUTPUT)
    devices = _DEVICE(zone.output) if isinstance(zone.output, str) else []
    if len(devices) == 1:
        element, device = devices[0]
        if element == "pulsesink" and not (device.startswith("@") or device.isdecimal()):
            return ExpectedSink(device, configured)
        if element == "alsasink" and device in sinks(stream):
            doubt = f"whether ALSA's device {device} is meant to be the sink of that name"
            return ExpectedSink(device, configured, doubt)
    return ExpectedSink(stream.first, stream.proof("first")) if isinstance(stream.first, str) else None


def sinks(stream: Stream) -> frozenset[str]:
    """All sinks of its server: its own, and those that it can be moved to."""
    offer = stream.offer("move")
    here = (stream.sink,) if isinstance(stream.sink, str) else ()
    return frozenset((*here, *(offer.args[0].choices if offer else ())))


def wrong_sink(zone: Zone | Gone, view: View) -> Verdict:
    """Its stream plays into the wrong sink: another room hears it, while player and position look fine."""
    stream = view.follow(zone, "stream")
    if isinstance(zone, Gone) or isinstance(stream, Gone):  # it plays nowhere
        return Verdict()
    if not isinstance(stream, Stream) or isinstance(zone.state, Unknown) or isinstance(stream.sink, Unknown):
        return Verdict(undecided=True)
    where = expected_sink(zone, stream)
    if zone.state == "stopped" or where is None or where.sink == stream.sink:
        return Verdict()
    playing, there = zone.state == "playing", where.sink in sinks(stream)
    verb = "plays" if playing else "is paused, and would play"
    cause = f"{verb} into sink {stream.sink} instead of {where.sink}" + ("" if there else ", which does not exist")
    beside = stream.beside if isinstance(stream.beside, tuple) else ()
    others = tuple(Evidence("plays there too", stream.id.local, stream.at, each) for each in beside)
    evidence = (*stream.proof("sink"), *where.evidence, *others)
    severity, root = Severity.CRIT if playing else Severity.WARN, lost_end(zone, view)
    remedies = (_back(stream, where.sink),) if there else _without(zone, where.sink)
    finding = Finding(
        "ZONE-WRONG-SINK", severity, zone.id, cause, evidence, where.not_known, remedies, root.id if root else None
    )
    return Verdict((finding,))


def _back(stream: Stream, sink: str) -> Remedy:
    return Remedy(f"move its stream back into sink {sink}", "move", stream.id, {"sink": sink})


def _without(zone: Zone, sink: str) -> tuple[Remedy, ...]:
    bring = f"bring sink {sink} back (plug its board in, or load its module again), then move its stream there"
    if zone.state != "playing":
        return (Remedy(bring),)
    return (Remedy(bring), Remedy("stop it until then: the other room hears it", "stop", zone.id))


STREAM_RULES = (Rule("wrong-sink", "zone", wrong_sink),)
