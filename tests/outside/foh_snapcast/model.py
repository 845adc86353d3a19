"""What a Snapcast server says, as speakers, and what an action on one of them is. No input or output here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Struct

from backends.contract import (
    Arg,
    Evidence,
    Expect,
    Finding,
    Gone,
    Id,
    Offer,
    Plan,
    Refused,
    Remedy,
    Resource,
    Risk,
    Role,
    Rule,
    Severity,
    Step,
    Unknown,
    Verdict,
    View,
    clean,
)
from backends.declare import field, kind
from backends.shell import quoted


class Speaker(Resource, frozen=True, kw_only=True, tag="speaker"):
    """A Snapcast client. `state` is playing, idle (its stream has nothing to play) or away (not connected)."""

    state: Annotated[str | Unknown, field("state", role=Role.STATE, rank=0)] = Unknown()
    stream: Annotated[str | Unknown, field("stream", role=Role.STATE, rank=1, width=12)] = Unknown()
    volume: Annotated[int | Unknown, field("volume", "%", Role.MEASURE, 2, 5, heading="VOL")] = Unknown()
    mute: Annotated[bool | Unknown, field("mute", role=Role.STATE, rank=3, width=5)] = Unknown()
    latency: Annotated[int | Unknown, field("latency", "ms", signed=True)] = Unknown()
    address: Annotated[str | Unknown, field("address")] = Unknown()


SPEAKER = kind(Speaker, "speaker", "speakers", "audio", order=2, alarming=("away",), quiet=("idle",))


class Volume(Struct):
    muted: bool
    percent: int


class Config(Struct):
    name: str
    volume: Volume
    latency: int


class Machine(Struct):
    name: str
    ip: str


class Client(Struct):
    id: str
    connected: bool
    config: Config
    host: Machine


class Group(Struct):
    id: str
    stream_id: str
    clients: list[Client]


class Stream(Struct):
    id: str
    status: str


class Server(Struct):
    groups: list[Group]
    streams: list[Stream]


class Status(Struct):
    """What Server.GetStatus returns, as far as it is used here."""

    server: Server


def name_of(client: Client) -> str:
    """As people call it: the name that it was given, or that of its machine."""
    return clean(client.config.name or client.host.name or client.id)


def speaker(host: str, endpoint: str, status: Server, group: Group, client: Client, at: float) -> Speaker:
    id = Id(host, "speaker", f"{endpoint}/{clean(client.id)}")
    config, streams = client.config, {stream.id: stream.status for stream in status.streams}
    state = "away" if not client.connected else "playing" if streams.get(group.stream_id) == "playing" else "idle"
    others = tuple(clean(name) for name in streams if name != group.stream_id)
    percent = Arg("percent", "volume", "%", minimum=0, maximum=100, field="volume")
    raw = f"{state}, {clean(group.stream_id)}, {config.volume.percent} %{', muted' if config.volume.muted else ''}"
    return Speaker(
        id=id,
        name=name_of(client),
        at=at,
        state=state,
        stream=clean(group.stream_id),
        volume=config.volume.percent,
        mute=config.volume.muted,
        latency=config.latency,
        address=clean(client.host.ip),
        evidence=(Evidence("speaker", f"Server.GetStatus of {endpoint}", at, raw),),
        offers=(
            Offer(id, "volume", "set the volume", args=(percent,)),
            Offer(id, "mute", "mute", blocked="it is muted already" if config.volume.muted else ""),
            Offer(id, "unmute", "unmute", blocked="" if config.volume.muted else "it is not muted"),
            Offer(
                id, "stream", "play another stream in its group", Risk.DISRUPTIVE,
                (Arg("stream", "stream", choices=others),), "" if others else "there is no other stream",
            ),
        ),
    )  # fmt: skip


def work_out(endpoint: str, now: Speaker, group: Group, client: Client, offer: Offer, args: Mapping[str, str]) -> Plan:
    """The plan of an action, from what the server says now."""
    current, volume = now.offer(offer.action), client.config.volume
    if current is None:
        raise Refused(f"a speaker has no action {clean(offer.action)}")
    if current.blocked:
        raise Refused(current.blocked)
    params: dict[str, object]
    interrupts: tuple[str, ...] = ()
    match offer.action:
        case "volume":
            percent = args.get("percent", "")
            if not (percent.isascii() and percent.isdigit() and len(percent) <= 3 and int(percent) <= 100):
                raise Refused(f"{clean(percent)!r} is no volume from 0 to 100")
            if int(percent) == volume.percent:
                raise Refused(f"the volume is {percent} % already")
            method, params = "Client.SetVolume", {"volume": {"percent": int(percent), "muted": volume.muted}}
            text, expect = f"set the volume to {percent} %", Expect(now.id, "volume", int(percent), 3)
        case "mute" | "unmute":
            muted = offer.action == "mute"
            method, params = "Client.SetVolume", {"volume": {"percent": volume.percent, "muted": muted}}
            text, expect = f"{offer.action} {now.name}", Expect(now.id, "mute", muted, 3)
        case _:
            stream = args.get("stream", "")
            if stream not in current.args[0].choices:
                raise Refused(f"there is no stream {clean(stream)!r}; there are {', '.join(current.args[0].choices)}")
            method, params = "Group.SetStream", {"stream_id": stream}
            text, expect = f"play {stream} instead of {now.stream}", Expect(now.id, "stream", stream, 3)
            interrupts = tuple(f"{now.stream}, played by {name_of(each)}" for each in group.clients if each.connected)
    params = {"id": group.id if method.startswith("Group.") else client.id} | params
    request = msgspec.json.encode({"id": 1, "jsonrpc": "2.0", "method": method, "params": params}).decode()
    host, _, port = endpoint.rpartition(":")
    argv = ("sh", "-c", f"echo {quoted(request)} | nc -N {host} {port}")
    step = Step(method, {"params": msgspec.json.encode(params).decode()}, argv, text)
    return Plan(offer, dict(args), (step,), (expect,), interrupts, now.evidence)


def silent(subject: Speaker | Gone, view: View) -> Verdict:
    """A room hears nothing from a speaker that is away, or muted while its stream plays."""
    if isinstance(subject, Gone) or isinstance(subject.state, Unknown) or isinstance(subject.mute, Unknown):
        return Verdict(undecided=True)
    if subject.state == "away":
        cause = f"{subject.name} is silent: it is not connected to the Snapcast server"
        remedy = Remedy("check its power and its network")
        found = Finding("SPEAKER-AWAY", Severity.WARN, subject.id, cause, subject.evidence, remedies=(remedy,))
        return Verdict((found,))
    if subject.state == "playing" and subject.mute:
        cause = f"{subject.name} is muted while {subject.stream} plays"
        remedy = Remedy("unmute it", "unmute", subject.id)
        unsure = "whether somebody meant it"
        found = Finding("SPEAKER-MUTED", Severity.WARN, subject.id, cause, subject.evidence, unsure, (remedy,))
        return Verdict((found,))
    return Verdict()


RULES = (Rule("silent", "speaker", silent),)
