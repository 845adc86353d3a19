"""Pure functions from the child's reports about a sound server to Streams, and from an action to a plan. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

from backends.audio.pulse.lines import Failure, ServerReport, SinkInput
from backends.contract import (
    Arg,
    Args,
    Evidence,
    Expect,
    Id,
    Key,
    Offer,
    Plan,
    Refused,
    Risk,
    Step,
    Unknown,
    Why,
    clean,
)
from backends.kinds import Stream, Text
from backends.shell import guarded

First: TypeAlias = dict[tuple[int, int], str]  # (a server's run, a stream's index) -> the sink where it was first seen

WITHIN = 3.0  # seconds until a moved stream must be seen in its new sink
MOVE = "move"
NOT_KEPT = Unknown(Why.NOT_MEASURABLE, "this sound server does not keep the requested sink")
BETWEEN = Unknown(Why.NOT_YET, "it is between two sinks")
_PID = re.compile(r"[1-9]\d{0,9}").fullmatch


def first_sinks(first: First, report: ServerReport) -> First:
    """The sink where each present stream was first seen."""
    known = {(report.run, each.index): each.sink for each in report.streams if each.sink}
    return known | {key: sink for key, sink in first.items() if key in {(report.run, s.index) for s in report.streams}}


def streams(host: str, address: str, report: ServerReport, first: First, at: float) -> tuple[Stream, ...]:
    return tuple(
        _stream(host, address, report, each, first.get((report.run, each.index), ""), at) for each in report.streams
    )


def id_of(host: str, address: str, index: int) -> Id:
    return Id(host, "stream", clean(f"{index}@{address}"))


def _stream(host: str, address: str, report: ServerReport, each: SinkInput, first: str, at: float) -> Stream:
    id = id_of(host, address, each.index)
    pid = int(each.pid) if _PID(each.pid) else Unknown(Why.NOT_APPLICABLE, "its client names no process")
    sink: Text = clean(each.sink) if each.sink else BETWEEN
    server = f"{clean(report.server, 40)} at {clean(address)}"
    verb = "is paused in" if each.corked else "plays into"
    where = f"{name(each)} {verb} {sink}" if each.sink else f"{name(each)} is between two sinks"
    evidence = [Evidence("sink", f"{server}, sink input {each.index}", at, where)]
    if each.asked:
        evidence.append(Evidence("asked", f"{server}, target.object", at, f"it asked for {clean(each.asked)}"))
    if first:
        evidence.append(Evidence("first", f"{server}, since it is watched", at, f"first seen in {clean(first)}"))
    return Stream(
        id=id,
        name=name(each),
        keys=(Key("stream-owner", str(pid), host),) if each.here and isinstance(pid, int) else (),
        offers=(_offer(id, report, each),),
        evidence=tuple(evidence),
        at=at,
        state="corked" if each.corked else "playing",
        sink=sink,
        asked=clean(each.asked) if each.asked else NOT_KEPT,
        first=clean(first) if first else BETWEEN,
        beside=tuple(name(other) for other in _beside(report, each, each.sink)),
        program=clean(each.program) if each.program else Unknown(Why.NOT_APPLICABLE, "its client has no name"),
        pid=pid,
        volume=each.volume,
        mute=each.mute,
    )


def name(each: SinkInput) -> str:
    """A stream's name: its program and its process."""
    return clean(f"{each.program or 'stream'} {each.pid or each.index}", 80)


def _beside(report: ServerReport, each: SinkInput, sink: str) -> list[SinkInput]:
    """The other streams that play into that sink."""
    return [other for other in report.streams if other.sink == sink != "" and other.index != each.index]


def _offer(id: Id, report: ServerReport, each: SinkInput) -> Offer:
    others = tuple(sorted(clean(sink) for sink in report.sinks if sink != each.sink))
    sink = Arg("sink", "sink", choices=others)
    blocked = "" if others else "there is no other sink"
    return Offer(id, MOVE, "play into another sink", Risk.DISRUPTIVE, (sink,), blocked)


def plan(offer: Offer, args: Mapping[str, str], host: str, address: str, report: ServerReport, at: float) -> Plan:
    """Raises Refused if the stream or the sink is missing, or the stream plays there already."""
    if offer.action != MOVE:
        raise Refused(f"a stream has no action {clean(offer.action)!r}")
    each = next((each for each in report.streams if id_of(host, address, each.index) == offer.target), None)
    if each is None:
        raise Refused("the stream has ended")
    wanted = args.get("sink", "")
    sink = next((sink for sink in report.sinks if clean(sink) == wanted), None)
    if sink is None:
        raise Refused(f"there is no sink {clean(wanted, 60)!r} now")
    if sink == each.sink:
        raise Refused(f"it plays into {clean(sink)} already")
    command = ("pactl", "-s", address, *guarded("move-sink-input", str(each.index), sink))
    move_args: Args = {"stream": each.index, "to": report.sinks[sink]}  # lines.Move
    steps = (Step(MOVE, move_args, command, f"move {name(each)} into sink {clean(sink)}"),)
    mixed = tuple(f"{name(other)}, which is heard there already" for other in _beside(report, each, sink))
    seen = _stream(host, address, report, each, "", at).evidence
    expect = (Expect(offer.target, "sink", clean(sink), WITHIN),)
    return Plan(offer, {"sink": wanted}, steps, expect, mixed, seen)


def failure(failed: Failure, address: str) -> Exception:
    """The child's failure as a Python error (PulseAudio's numbers: pulse/def.h, pa_error_code)."""
    place, says = clean(address), clean(failed.says)
    match failed.failed:
        case 0:
            return ImportError(f"libpulse cannot be used: {says}")
        case 1 | 9:
            return PermissionError(f"the sound server at {place} requires its cookie: {says}")
        case 5 | 6 | 13:
            return ConnectionRefusedError(f"no sound server answers at {place}")
        case 8:
            return TimeoutError(f"the sound server at {place} accepts but does not answer")
        case 11 | 12:
            return ConnectionResetError(f"the sound server at {place} has ended, or closed the connection")
        case number:
            return ValueError(f"answers at {place}, but not as a sound server: {says or number}")
