"""A venue of any size, made of the kinds that the built-in backends emit, in the proportions of a real one."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import structs

from backends.containers import model, operations
from backends.contract import Evidence, Id, Key, Link, Observation, Offer, Resource, Risk
from backends.kinds import PLAYBACK, Board, Control, Hub, Pcm, Stream, Zone

HOST = "venue1"
ROOM = 5  # resources of a room: zone, PCM, control, stream, board
PER_HUB, PER_SERVER = 6, 100
VERBS = ("play", "pause", "stop", "again", "next", "previous")


def source(name: str, host: str = HOST) -> Id:
    return Id(host, "source", name)


def room(number: int, at: float, position: float = 10.0) -> list[Resource]:
    """One room whose zone plays through a PCM to a board behind a hub."""
    pid, name = 10_000 + number, f"room{number}"
    address, port = f"127.0.0.1:{20_000 + number}", f"1-{number // PER_HUB + 1}.{number % PER_HUB + 1}"
    zone = Id(HOST, "zone", address)
    return [
        Zone(
            id=zone, name=name, at=at, state="playing", title=f"track {number}", artist="somebody", position=position,
            length=300.0, volume=40, endpoint=address, pid=pid, version="3.4.1", queue=12,
            keys=(Key("tcp", address, HOST), Key("pid", str(pid), HOST)),
            links=(
                Link("pcm", Key("pcm-owner", str(pid), HOST), "its process owns the PCM"),
                Link("stream", Key("stream-owner", str(pid), HOST), "its process plays the stream"),
                Link("mixer", Key("alsa-mixer", name, HOST), "its output names the card"),
            ),
            offers=tuple(Offer(zone, verb, verb, Risk.ROUTINE) for verb in VERBS),
            evidence=(Evidence(PLAYBACK, f"{address} core.playback.get_state", at, "playing"),),
            jumps=1, tracks_begun=1, passed=0.0, log=(), fault="none",
        ),
        Pcm(
            id=Id(HOST, "pcm", f"{name}/0"), name=f"{name} 0", at=at, state="RUNNING", owner=pid, program="mopidy",
            hw_ptr=48_000, begun=1.0, rate=48_000, card=str(number), card_id=name,
            keys=(Key("alsa-card", name, HOST), Key("pcm-owner", str(pid), HOST)),
            links=(Link("board", Key("usb-address", f"001/{number:03}", HOST), "usbbus says so"),),
            evidence=(Evidence("state", f"/proc/asound/card{number}/pcm0p/sub0/status", at, "RUNNING"),),
        ),
        Control(
            id=Id(HOST, "control", f"hw:{name}/Master"), name=f"{name} Master", at=at, level=70, gain=-12.0,
            mute=False, device=f"hw:{name}", keys=(Key("alsa-mixer", name, HOST),),
        ),
        Stream(
            id=Id(HOST, "stream", f"{number}"), name=f"stream {number}", at=at, state="playing", sink=name,
            asked=name, first=name, beside=(), program="mopidy", pid=pid, volume=100, mute=False,
            keys=(Key("stream-owner", str(pid), HOST),),
        ),
        Board(
            id=Id(HOST, "board", port), name=f"amp-{name}", at=at, port=port, model="class-D amplifier",
            ids="1b3f:2008", maker="Generalplus", speed=12, power="active", policy="auto", delay=2000, asleep=10.0,
            asleep_today=10.0, current=100, hid="none", wakeup="none", holders="nobody", rule="none", card=name,
            named="none", devnum=number, reenumerations=1, configured=1, over_current=0,
            hub=port.rpartition(".")[0], serial="none",
            keys=(Key("usb-port", port, HOST), Key("usb-address", f"001/{number:03}", HOST)),
            links=(Link("hub", Key("usb-port", port.rpartition(".")[0], HOST), f"the port's name, {port}"),),
            evidence=(Evidence("power/control", f"/sys/bus/usb/devices/{port}/power/control", at, "auto"),),
        ),
    ]  # fmt: skip


def hub(number: int, at: float) -> Hub:
    port = f"1-{number + 1}"
    return Hub(
        id=Id(HOST, "hub", port), name=f"hub {port}", at=at, port=port, ids="1a40:0201", model="hub", speed=480,
        ports=7, translators="multi", over_current=0, over_currents=(0,) * 7, keys=(Key("usb-port", port, HOST),),
    )  # fmt: skip


def raw_instance(number: int, memory: int = 100 << 20, state: str = "Running") -> dict[str, object]:
    """An instance as LXD lists it."""
    network = {"eth0": {"addresses": [{"address": f"10.0.{number // 250}.{number % 250 + 1}", "scope": "global"}]}}
    return {
        "name": f"work{number:05}", "status": state, "project": "default", "created_at": "2026-11-01T10:00:00.0Z",
        "expanded_config": {"image.description": "Debian bookworm amd64", "boot.autostart": "true"},
        "state": {"pid": 40_000 + number, "processes": 9, "memory": {"usage": memory}, "network": network},
        "snapshots": [], "stateful": False,
    }  # fmt: skip


def place(number: int) -> model.Place:
    server = f"server{number // PER_SERVER}"
    return model.Place(server, server, f"/run/{server}.socket")


def instance(number: int, at: float, memory: int = 100 << 20, state: str = "Running") -> Resource:
    return model.instance(place(number), raw_instance(number, memory, state), "", at)


def operation(number: int, at: float) -> Resource:
    said = {
        "id": f"op-{number}", "description": "Snapshotting instance", "status": "Running",
        "resources": {"instances": [f"/1.0/instances/work{number % 1000:05}"]},
    }  # fmt: skip
    return operations.resource(place(0), operations.fold(None, said, "default", at), at)


def rooms_and_instances(size: int) -> tuple[int, int]:
    """How many rooms and instances make a venue of about so many resources: half of it each."""
    rooms = size // 2 // (ROOM + 1)
    return rooms, size - rooms * ROOM - rooms // PER_HUB - 1


def fleet(size: int, at: float) -> Iterator[Observation]:
    """Everything that the sources of a venue of `size` resources say first, one observation a source."""
    rooms, instances = rooms_and_instances(size)
    made = [room(number, at) for number in range(rooms)]
    for number, (zone, *_) in enumerate(made):
        yield Observation(source=source(f"mopidy {number}"), backend="mopidy", at=at, upserts=(zone,), complete=True)
    for place_, name, backend in ((1, "alsa pcm", "alsa"), (2, "alsa mixer", "alsa"), (3, "pulse", "pulse")):
        yield Observation(
            source=source(name), backend=backend, at=at, complete=True, upserts=tuple(each[place_] for each in made)
        )
    hubs = [hub(number, at) for number in range((rooms + PER_HUB - 1) // PER_HUB)]
    boards = tuple(each[4] for each in made)
    yield Observation(source=source("usb"), backend="usb", at=at, complete=True, upserts=(*hubs, *boards))
    for first in range(0, instances, PER_SERVER):
        yield server(first // PER_SERVER, min(PER_SERVER, instances - first), at)


def server(number: int, count: int, at: float, memory: int = 100 << 20) -> Observation:
    """A container host's complete list."""
    first = number * PER_SERVER
    found = [model.instance(place(first), raw_instance(n, memory), "", at) for n in range(first, first + count)]
    info = {"environment": {"server": "lxd", "server_version": "5.0.2", "kernel_version": "6.1.0"}, "config": {}}
    host = model.host(place(first), info, 1 << 30, found, at)
    name = f"lxd server{number}"
    return Observation(
        source=source(name, place(first).host), backend="lxd", at=at, complete=True, upserts=(host, *found)
    )


def moved(zone: Resource, by: float) -> Resource:
    """The zone a moment later: what changes each second while it plays."""
    return structs.replace(zone, position=zone.position + by, at=zone.at + by)  # type: ignore[attr-defined]


def failure(number: int, at: float) -> Resource:
    """An operation on an instance that has failed."""
    said = {
        "id": f"failed-{number}", "description": "Migrating instance", "status": "Failure", "err": "disk full",
        "resources": {"instances": [f"/1.0/instances/work{number:05}"]},
    }  # fmt: skip
    return operations.resource(place(number), operations.fold(None, said, "default", at), at)
