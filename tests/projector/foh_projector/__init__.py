"""Projectors: one connection each, on which every line asked is answered by one line of JSON.

Nothing is looked for: without endpoints in venue.toml's section `[projector]` there are no projectors.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Annotated

import msgspec
from msgspec import Struct

from backends.contract import (
    IO,
    Args,
    Backend,
    Context,
    Evidence,
    Expect,
    Finding,
    Gone,
    Id,
    Need,
    Observation,
    Offer,
    Plan,
    Refused,
    Remedy,
    Resource,
    Risk,
    Role,
    Rule,
    Severity,
    Source,
    Step,
    Unknown,
    Verdict,
    View,
    clean,
)
from backends.declare import field, kind

POLL, ANSWER, OBEY = 0.25, 2.0, 60.0  # seconds; a lamp that is told to change may take its time
SEEN = 20.0  # seconds until a change must have been observed, on a machine as slow as this one may be
LONGEST = 1 << 20  # bytes in a line
ON, OFF, LAMP, BURN = "power-on", "power-off", "new-lamp", "burn-in"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`endpoints`: host:port of each projector."""

    endpoints: list[str] = []


class Projector(Resource, frozen=True, kw_only=True, tag="projector"):
    """`power` is on or off; `lamp` in hours."""

    power: Annotated[str | Unknown, field("power", role=Role.STATE, rank=0, width=6)] = Unknown()
    lamp: Annotated[int | Unknown, field("lamp", "h", Role.MEASURE, 2, 7)] = Unknown()
    title: Annotated[str | Unknown, field("title", role=Role.TEXT, rank=5, width=16)] = Unknown()


class Said(Struct):
    """A projector's answer."""

    power: str
    lamp: int
    title: str


PROJECTOR = kind(Projector, "projector", "projectors", "capture", order=6)


class ProjectorSource:
    """One projector."""

    def __init__(self, host: str, endpoint: str) -> None:
        self.host, self.endpoint, self.name = host, endpoint, f"projector {endpoint}"
        self.address = endpoint
        self.id = Id(host, "projector", endpoint)

    async def watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        async with self._connected(io) as ask:
            while True:
                yield Observation(upserts=(self._resource(await ask("status"), io.clock()),), complete=True)
                await io.wait(POLL)

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        async with self._connected(io) as ask:
            now = self._resource(await ask("status"), io.clock())
        current = now.offer(offer.action)
        if current is None:
            raise Refused(f"a projector has no action {offer.action}")
        if current.blocked:
            raise Refused(current.blocked)
        if offer.action == LAMP:
            expect = Expect(self.id, "lamp", 0, SEEN), Expect(self.id, "power", "off", SEEN)
            reset = self._step("reset", {}, "set its hours to 0", True)
            steps = self._switch("off"), reset, self._step("fan", {"wanted": "off"}, "stop the fan")
            return Plan(offer, {}, steps, expect, ("the picture in the room",), now.evidence)
        if offer.action == BURN:
            hours = 0 if isinstance(now.lamp, Unknown) else now.lamp
            expect = Expect(self.id, "lamp", hours + 100, SEEN), Expect(self.id, "power", "off", SEEN)
            burn = self._step("burn", {"hours": 100}, "burn the lamp in", True)
            steps = self._switch("off"), burn, self._step("fan", {"wanted": "off"}, "stop the fan")
            return Plan(
                offer, {}, steps, expect, ("the picture in the room",), now.evidence, lasts=OBEY, cancellable=True
            )
        wanted = offer.action.removeprefix("power-")
        return Plan(
            offer,
            {},
            (self._switch(wanted),),
            (Expect(self.id, "power", wanted, SEEN),),
            ("the picture in the room",) if wanted == "off" else (),
            now.evidence,
        )

    def _switch(self, wanted: str) -> Step:
        return self._step("power", {"wanted": wanted}, f"switch the lamp {wanted}")

    def _step(self, do: str, args: Args, text: str, irreversible: bool = False) -> Step:
        host, port = self.endpoint.split(":")
        order = " ".join((do, *map(str, args.values())))
        return Step(do, args, ("sh", "-c", f"echo {order} | nc {host} {port}"), text, irreversible)

    async def do(self, step: Step, io: IO) -> None:
        async with self._connected(io) as ask:
            await ask(" ".join((step.do, *map(str, step.args.values()))), OBEY)

    async def done(self, step: Step, io: IO) -> bool | None:
        if step.do != "power":
            return None  # it does not say
        async with self._connected(io) as ask:
            return (await ask("status")).power == step.args["wanted"]

    @contextlib.asynccontextmanager
    async def _connected(self, io: IO) -> AsyncIterator[Ask]:
        host, _, port = self.endpoint.rpartition(":")
        async with io.deadline(ANSWER):
            reader, writer = await asyncio.open_connection(host, int(port), limit=LONGEST)
        try:
            yield Ask(reader, writer, io)
        finally:
            writer.close()

    def _resource(self, said: Said, at: float) -> Projector:
        on = said.power == "on"
        return Projector(
            id=self.id,
            name=f"projector {self.endpoint}",
            offers=(
                Offer(self.id, ON, "lamp on", blocked="it is on already" if on else ""),
                Offer(self.id, OFF, "lamp off", Risk.DISRUPTIVE, blocked="" if on else "it is off already"),
                Offer(
                    self.id,
                    LAMP,
                    "a new lamp is in: set its hours to 0",
                    Risk.DISRUPTIVE,
                    blocked="" if said.lamp else "its hours are 0 already",
                ),
                Offer(self.id, BURN, "burn the lamp in", Risk.DISRUPTIVE),
            ),
            evidence=(Evidence("power", f"{self.endpoint} status", at, clean(said.power)),),
            at=at,
            power=clean(said.power),
            lamp=said.lamp,
            title=clean(said.title),
        )


class Ask:
    """One question at a time over one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, io: IO) -> None:
        self._reader, self._writer, self._io = reader, writer, io

    async def __call__(self, line: str, within: float = ANSWER) -> Said:
        self._writer.write(f"{line}\n".encode())
        async with self._io.deadline(within):
            answer = await self._reader.readline()
        if not answer.endswith(b"\n"):
            raise ConnectionError("the projector closed the connection")
        return msgspec.json.decode(answer, type=Said)


def dark(subject: Projector | Gone, view: View) -> Verdict:
    """A projector that is off shows nothing to anybody."""
    if isinstance(subject, Gone) or isinstance(subject.power, Unknown):
        return Verdict(undecided=True)
    if subject.power == "on":
        return Verdict()
    remedy = Remedy("switch its lamp on", ON, subject.id)
    cause = "the projector's lamp is off"
    return Verdict((Finding("PROJECTOR-DARK", Severity.WARN, subject.id, cause, subject.evidence, remedies=(remedy,)),))


async def discover(context: Context, io: IO) -> Sequence[Source]:
    return [ProjectorSource(context.host, endpoint) for endpoint in context.settings.endpoints]


def needs(context: Context) -> Sequence[Need]:
    return [Need("a projector", True, ", ".join(context.settings.endpoints) or "none configured")]


backend = Backend("projector", (PROJECTOR,), (Rule("dark", "projector", dark),), discover, needs, Settings)
