"""LXD over its unix socket: a thread reads its state; events and operations arrive live."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from backends.containers import actions, lxd_client, lxd_reader, model, operations
from backends.containers.actions import USUAL
from backends.containers.lxd_client import Api, Event, Events
from backends.containers.model import DEFAULT, Place
from backends.containers.operations import ENDED, Op
from backends.containers.rules import RULES
from backends.contract import (
    IO,
    Backend,
    Context,
    Id,
    Need,
    Observation,
    Offer,
    Plan,
    Refused,
    Source,
    Step,
    clean,
)
from backends.kinds import HOST, INSTANCE, OPERATION, Instance

if TYPE_CHECKING:
    import httpx

EVERY = 5.0  # seconds between two complete readings when nothing happens
SHARE = 20  # ... and longer if a reading is slow: at most 1/20 of the time is spent reading
GATHER = 0.1  # seconds of events that make one observation: at most ten a second
READ = 4.0  # seconds for a reading; LXD takes 20 ms for the state of one running instance
UNTOUCHED = ("instance-exec", "instance-console", "instance-file")  # lifecycle events that change no field

Name = tuple[str, str]  # project, name


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`sockets`: paths; another host's is preceded by its name: alpha=/run/alpha.socket."""

    sockets: list[str] = []

    def __post_init__(self) -> None:
        for socket in self.sockets:
            if not socket.rpartition("=")[2].startswith("/"):
                said = f"sockets: {clean(socket)!r} is not a path; expected one such as /var/lib/lxd/unix.socket"
                raise ValueError(said)


class LxdSource:
    """One LXD."""

    def __init__(self, host: str, socket: str, label: str = "") -> None:
        self.host, self.socket = label or host, socket
        self.name = f"lxd {label or socket}"
        self.address = label or socket
        self._reports: dict[Name, InstanceReport] = {}
        self._reported_ops: set[str] = set()
        self._acted: set[Name] = set()  # the targets of runs since the last complete reading
        self._ops: dict[str, Op] = {}  # outlives a connection, so that failures are not lost with it

    async def watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        await io.load(*lxd_client.MODULES, late=True)
        with contextlib.closing(await io.thread(lxd_reader.connect, self.socket)) as client:
            async with contextlib.aclosing(self._watch(client, io)) as observations:
                async for observation in observations:
                    yield observation

    async def _watch(self, client: httpx.Client, io: IO) -> AsyncGenerator[Observation, None]:
        async with Events.open(self.socket) as events, Api.open(self.socket) as api:
            self._reports = {}
            reading, cost = await self._everything(client, io, READ)
            await self._listed(api, {DEFAULT, *(project for project, _ in reading.instances)}, io.clock())
            due = time.monotonic() + EVERY
            touched: set[Name] | None = None  # None: a complete reading
            while True:
                yield self._observation(reading, touched, io.clock())
                received = await events.hear(max(0.0, due - time.monotonic()), GATHER, io)
                touched = self._fold(received, io.clock()) or (set() if received else set(self._acted))
                if time.monotonic() >= due:
                    touched = None
                    self._acted.clear()
                    reading, cost = await self._everything(client, io, READ + 4 * cost)
                    due = time.monotonic() + max(EVERY, SHARE * cost)
                elif touched:
                    found = await io.thread(lxd_reader.some, client, touched, within=READ)
                    reading = reading.changed(found)

    async def _everything(self, client: httpx.Client, io: IO, within: float) -> tuple[Reading, float]:
        """A complete reading, and the seconds that it took."""
        start = time.monotonic()
        info, used, listed = await io.thread(lxd_reader.everything, client, within=within)
        server = clean(info.get("environment", {}).get("server_name") or self.host)
        named = {(str(raw.get("project") or DEFAULT), str(raw.get("name"))): raw for raw in listed}
        return Reading(Place(self.host, server, self.socket), info, used, named), time.monotonic() - start

    async def _listed(self, api: Api, projects: set[str], now: float) -> None:
        """Reads the operations that LXD lists now. One that ran before and is not listed has ended unseen."""
        known: dict[str, Op] = {}
        for project in projects:
            for said in await api.operations(project):
                op = operations.fold(self._ops.get(clean(said.get("id", ""))), said, project, now)
                known[op.id] = op
        self._ops = {id: op for id, op in self._ops.items() if op.rank == ENDED} | known

    def _fold(self, received: Sequence[Event], now: float) -> set[Name]:
        """Applies events to the operations. Returns the instances that they touch."""
        touched: set[Name] = set()
        for event in received:
            if event.type == "operation":
                id = clean(event.metadata.get("id", ""))
                before, self._ops[id] = (
                    self._ops.get(id),
                    operations.fold(self._ops.get(id), event.metadata, event.project, now),
                )
                if self._ops[id].rank == ENDED and (before is None or before.rank < ENDED):
                    touched |= set(self._ops[id].instances)
            elif not str(event.metadata.get("action", "")).startswith(UNTOUCHED):
                name = operations.named(str(event.metadata.get("source", "")), event.project)
                touched |= {name} if name else set()
        return touched

    def _observation(self, reading: Reading, touched: set[Name] | None, now: float) -> Observation:
        """The changes since the last observation; everything after a complete reading (`touched` None)."""
        self._ops = operations.kept(self._ops, now)
        busy = operations.busy(self._ops)
        place, before = reading.place, self._reports
        self._reports = {
            name: known
            if (known := before.get(name)) and known.raw is raw and known.busy == busy.get(name, "")
            else InstanceReport(raw, busy.get(name, ""), model.instance(place, raw, busy.get(name, ""), now))
            for name, raw in reading.instances.items()
        }
        instances = [said.instance for said in self._reports.values()]
        host = model.host(place, reading.info, reading.used, instances, now)
        ops = [operations.resource(place, op, now) for op in self._ops.values()]
        gone = tuple(said.instance.id for name, said in before.items() if name not in self._reports)
        ended = tuple(Id(place.host, "operation", id) for id in self._reported_ops - self._ops.keys())
        self._reported_ops = set(self._ops)
        if touched is None:
            return Observation(upserts=(host, *instances, *ops), complete=True)
        changed = [said.instance for name, said in self._reports.items() if said is not before.get(name)]
        return Observation(upserts=(host, *changed, *ops), gone=(*gone, *ended))

    async def _fresh(self, id: Id, io: IO) -> tuple[Instance, Name, Place]:
        """The instance now, with what LXD is doing to it. Raises Refused if it does not exist."""
        project, _, name = id.local.rpartition("/")
        project = project or DEFAULT
        with contextlib.closing(await io.thread(lxd_reader.connect, self.socket)) as client:
            raw = (await io.thread(lxd_reader.some, client, [(project, name)], within=READ))[project, name]
        if raw is None:
            raise Refused(f"LXD has no instance {id.local}")
        async with Api.open(self.socket) as api:
            ops = [operations.fold(None, said, project, 0) for said in await api.operations(project)]
        busy = operations.busy({op.id: op for op in ops}).get((project, name), "")
        place = Place(self.host, clean(raw.get("location", "")), self.socket)
        return model.instance(place, raw, busy, io.clock()), (project, name), place

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        instance, (project, _), place = await self._fresh(offer.target, io)
        current = instance.offer(offer.action)
        if current is None:
            raise Refused(f"LXD offers no {offer.action} of {instance.name}")
        return actions.plan(place, instance, project, current, args, io.clock())

    async def do(self, step: Step, io: IO) -> None:
        given = {name: str(value) for name, value in step.args.items()}
        project, name = given.pop("project"), given.pop("instance")
        call = actions.call(name, step.do, given)
        async with Api.open(self.socket) as api:
            try:
                await api.run(call.method, call.path, call.body, project, call.within)
            except Refused as refused:
                id = Id(self.host, INSTANCE.kind, model.local(project, name))
                raise Refused(actions.explained(id, str(refused))) from refused
            except ValueError as error:
                raise ConnectionError(str(error)) from error
            finally:
                self._acted.add((project, name))

    async def done(self, step: Step, io: IO) -> bool | None:
        target = Id(self.host, INSTANCE.kind, model.local(str(step.args["project"]), str(step.args["instance"])))
        instance, _, _ = await self._fresh(target, io)
        return actions.done(instance, step)


class InstanceReport(Struct, frozen=True):
    """An instance as last reported, and the values that it was made from."""

    raw: dict[str, Any]
    busy: str
    instance: Instance


class Reading(Struct, frozen=True):
    """LXD's answers about itself and its instances."""

    place: Place
    info: dict[str, Any]
    used: object
    instances: dict[Name, dict[str, Any]]

    def changed(self, found: Mapping[Name, dict[str, Any] | None]) -> Reading:
        """The reading with newer answers for some instances; None: the instance is gone."""
        merged = {**self.instances, **found}
        instances = {name: raw for name, raw in merged.items() if raw is not None}
        return Reading(self.place, self.info, self.used, instances)


def named(entry: str) -> tuple[str, str]:
    """`alpha=/run/alpha.socket` as (path, host); the host may be missing."""
    label, _, path = entry.rpartition("=")
    return path, label


def is_installed(socket: str) -> bool:
    """Whether an LXD that is down is still installed: removing the package deletes its folder."""
    return Path(socket).parent.is_dir()


def exists(path: str) -> bool:
    """Whether the file exists. A file that this user may not see counts, so that it gets a source."""
    try:
        Path(path).stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True


async def discover(context: Context, io: IO) -> Sequence[Source]:
    """The configured sockets, or Debian's and the snap's if they exist."""
    pairs = [named(entry) for entry in context.settings.sockets]
    if pairs:
        return [LxdSource(context.host, path, label) for path, label in pairs]
    known = {source.socket for source in context.known if isinstance(source, LxdSource)}
    there = await io.thread(lambda: [path for path in USUAL if exists(path) or (path in known and is_installed(path))])
    return [LxdSource(context.host, path) for path in there]


def needs(context: Context) -> Sequence[Need]:
    """Permission on the socket: LXD gives it to the group `lxd`."""
    found = []
    for path in [named(entry)[0] for entry in context.settings.sockets] or filter(exists, USUAL):
        may = os.access(path, os.R_OK | os.W_OK)
        said = "accessible" if may else "no permission" if exists(path) else "missing"
        mend = "" if may else "sudo usermod -aG lxd $USER   (then log in again)" if exists(path) else "start LXD"
        found.append(Need(f"LXD's socket {path}", may, said, mend))
    return found


backend = Backend(
    name="lxd",
    kinds=(HOST, INSTANCE, OPERATION),
    rules=RULES,
    discover=discover,
    needs=needs,
    settings=Settings,
)
