"""A room for the tables: a zone, its PCM and its board, the state they are in, and a finding about them."""

from __future__ import annotations

from msgspec import structs

from backends.contract import (
    Finding,
    Id,
    Key,
    Link,
    Observation,
    Resource,
    Severity,
)
from backends.kinds import BOARD, PCM, SOURCE, ZONE, Zone
from console.venue.resolver import Resolver
from console.venue.state import VenueState
from tests import fleet

SAYS = fleet.source("s", "h")

BAR, AMP, HW = Id("h", "zone", "bar"), Id("h", "board", "1-1"), Id("h", "pcm", "hw:bar,0")


def zone(**fields: object) -> Zone:
    return structs.replace(Zone(id=BAR, name="bar", state="playing", title="A", position=1), **fields)


def venue(*resources: Resource) -> tuple[VenueState, Resolver]:
    state = VenueState("h")
    state.add_kinds((ZONE, BOARD, PCM, SOURCE))
    resolver = Resolver(state)
    resolver.update(state.apply(Observation(upserts=resources, complete=True, source=SAYS, at=100.0)))
    return state, resolver


CARD = Key("alsa-card", "bar", "h")
TO_CARD = Link("pcm", CARD, "output")


def found(code: str = "X", about: Id = BAR, severity: Severity = Severity.WARN, blames: Id | None = None) -> Finding:
    return Finding(code, severity, about, "because", blames=blames)
