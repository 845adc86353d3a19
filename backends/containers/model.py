"""Turns LXD's JSON into the venue's kinds. Pure; shapes of LXD 5.0.2's answers to `recursion=2`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from backends.contract import Arg, Evidence, Id, Key, Link, Offer, Risk, Unknown, Why, clean
from backends.kinds import ContainerHost, Instance
from backends.shell import guarded, shell

MIB = 1 << 20
DEFAULT = "default"


class RawAddress(Struct):
    address: str = ""
    scope: str = ""


class RawNetwork(Struct):
    addresses: list[RawAddress] | None = None


class RawMemory(Struct):
    usage: int = 0


class RawState(Struct):
    pid: int = 0
    processes: int = 0
    memory: RawMemory = msgspec.field(default_factory=RawMemory)
    network: dict[str, RawNetwork] | None = None


class RawSnapshot(Struct):
    name: str


class RawInstance(Struct):
    """The fields that foh reads of one instance. `state` is None if LXD was not asked for it."""

    name: str
    status: str
    project: str = DEFAULT
    created_at: str = ""
    expanded_config: dict[str, str] | None = None
    state: RawState | None = None
    snapshots: list[RawSnapshot] | None = None
    stateful: bool = False  # it was stopped with its memory saved


class Place(Struct, frozen=True):
    """The origin of a reading: the host in ids, LXD's own name of the server, the socket."""

    host: str
    server: str
    socket: str

    def instance(self, project: str, name: str) -> Id:
        return Id(self.host, "instance", local(project, name))


def local(project: str, name: str) -> str:
    """An instance's name within its host: `web1`, or `project/web1` outside the default project."""
    return clean(name if project in ("", DEFAULT) else f"{project}/{name}")


def show_log(id: Id) -> str:
    """The command that shows the log of an instance's last start, which often has more than LXD's error."""
    project, _, name = id.local.rpartition("/")
    return f"`{shell(('lxc', 'info', '--show-log', '--project', project or DEFAULT, *guarded(name)))}`"


_CRIU_ERROR = re.compile(r"\bError +\([^()]{0,200}\): [^␊]+").search


def reason(said: str) -> str:
    """The first error if LXD quotes CRIU's log; otherwise its whole text."""
    found = _CRIU_ERROR(said)
    return found[0] if found else said


def instance(place: Place, raw: Mapping[str, Any], busy: str, now: float) -> Instance:
    """One instance. `busy` says what LXD is doing to it ("": nothing). Fields that cannot be read are Unknown."""
    project, name = str(raw.get("project") or DEFAULT), str(raw.get("name", ""))
    id = place.instance(project, name)
    common: dict[str, Any] = {
        "id": id,
        "name": id.local,
        "keys": (Key("instance", id.local, place.host),),
        "links": (Link("host", Key("container-host", place.server, place.host), "it is in this server's list"),),
        "evidence": (Evidence("instance", f"{place.socket} GET /1.0/instances/{clean(name)}", now),),
        "at": now,
        "host": place.server,
        "project": clean(project),
    }
    try:
        seen = msgspec.convert(raw, RawInstance)
    except msgspec.ValidationError as error:
        unknown = Unknown(Why.MALFORMED, clean(error))
        common |= dict.fromkeys(("state", "image", "snapshots", "autostart", "kept", "created"), unknown)
        return Instance(**common)
    config = seen.expanded_config or {}
    snapshots = tuple(clean(shot.name) for shot in seen.snapshots or ())  # LXD says null for none
    return Instance(
        **common,
        **_running(seen),
        offers=offers(id, clean(seen.status), snapshots, busy, seen.stateful),
        state=clean(seen.status),
        image=clean(config.get("image.description") or config.get("volatile.base_image", "")[:12] or "none"),
        snapshots=Unknown(Why.NOT_YET) if seen.state is None else snapshots,
        autostart=config.get("boot.autostart", "").lower() in ("true", "1", "yes", "on"),
        kept=seen.stateful,
        created=clean(seen.created_at.partition(".")[0].replace("T", " ")),
    )


def _running(seen: RawInstance) -> dict[str, Any]:
    """The fields that only a running instance has."""
    if seen.state is None or seen.state.pid <= 0:
        why = Unknown(Why.NOT_YET) if seen.state is None else Unknown(Why.NOT_APPLICABLE, "it is not running")
        return dict.fromkeys(("memory", "processes", "pid", "addresses"), why)
    addresses = [
        clean(address.address)
        for network in (seen.state.network or {}).values()
        for address in network.addresses or ()
        if address.scope == "global"
    ]
    return {
        "memory": round(seen.state.memory.usage / MIB, 1),
        "processes": seen.state.processes,
        "pid": seen.state.pid,
        "addresses": tuple(addresses),
    }


def offers(id: Id, state: str, snapshots: Iterable[str], busy: str, kept: bool) -> tuple[Offer, ...]:
    """The offers for an instance, and why they are blocked. `kept`: it can start with its saved memory."""
    stopped = state == "Stopped"
    up = busy or ("" if stopped else f"it is {state.lower()} already")
    down = busy or ("it is stopped" if stopped else "")
    ends = ("clean", "force")
    how, again = (Arg("how", "how", choices=ways, default="clean") for ways in ((*ends, "keep"), ends))
    memory = Arg("memory", "what it had in memory", choices=("restore", "forget"), default="restore")
    name = Arg("name", "snapshot name", default=next_snapshot(snapshots))
    thaw = (Offer(id, "unfreeze", "let it run again", blocked=busy),) if state == "Frozen" else ()
    return (
        *thaw,
        Offer(id, "start", "start", args=(memory,) if kept else (), blocked=up),
        Offer(id, "stop", "stop", Risk.DISRUPTIVE, (how,), down),
        Offer(id, "restart", "restart", Risk.DISRUPTIVE, (again,), down),
        Offer(id, "snapshot", "take a snapshot", args=(name,), blocked=busy),
    )


def next_snapshot(names: Iterable[str]) -> str:
    """The next name in LXD's own pattern: snap0, snap1..."""
    taken = [int(match[1]) for name in names if (match := re.fullmatch(r"snap(\d{1,9})", name))]
    return f"snap{max(taken, default=-1) + 1}"


def host(
    place: Place, info: Mapping[str, Any], used: object, instances: Iterable[Instance], now: float
) -> ContainerHost:
    """The server. `info` is the answer to GET /1.0, `used` the host's used memory in bytes (/1.0/resources)."""
    environment = info.get("environment")
    environment = environment if isinstance(environment, dict) else {}
    config = info.get("config")
    address = config.get("core.https_address", "") if isinstance(config, dict) else ""
    seen = list(instances)
    return ContainerHost(
        id=Id(place.host, "host", place.server),
        name=place.server,
        keys=(Key("container-host", place.server, place.host),),
        evidence=(Evidence("server", f"{place.socket} GET /1.0", now),),
        at=now,
        server=clean(f"{environment.get('server', 'lxd')} {environment.get('server_version', '')}").strip(),
        kernel=clean(environment.get("kernel_version", "")),
        instances=len(seen),
        running=sum(1 for item in seen if item.state == "Running"),
        memory=round(used / MIB) if isinstance(used, int) else Unknown(Why.MALFORMED, "no memory in /1.0/resources"),
        address=clean(address or "unix socket only"),
    )
