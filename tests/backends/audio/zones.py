"""A zone, its PCM and its board, and the world in which rules see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import structs

from backends.contract import Gone, Id, Resource, Unknown, Verdict, Why
from backends.kinds import Board, Pcm, Zone
from tests.backends.worlds import FakeView

BAR = Zone(
    id=Id("h", "zone", "bar"), name="bar", at=999.5, state="playing", position=40, track="#1 x", jumps=2,
    tracks_begun=2, pid=100, output="alsasink device=hw:bar", endpoint="http://bar",
)  # fmt: skip
CARD = Pcm(
    id=Id("h", "pcm", "hw:bar,0"), name="bar", at=999.5, state="RUNNING", owner=100, program="mopidy", hw_ptr=5000
)
BOARD = Gone(Id("h", "board", "1-1"), Board(id=Id("h", "board", "1-1"), name="1-1"), 997.0)
LONG = 60.0  # seconds
DOUBT = Unknown(Why.UNREACHABLE, "refused")


def but(resource: Any, **changes: Any) -> Any:
    return structs.replace(resource, **changes)


def world(zone: Zone, pcm: Resource | Gone | None, zones: Sequence[Any] = (), pcms: Sequence[Any] = ()) -> FakeView:
    """`zones` and `pcms` are what they were: (seconds ago, resource), newest first."""
    ends: dict[tuple[Id, str], Resource | Gone] = {(zone.id, "pcm"): pcm} if pcm else {}
    return FakeView(1000.0, ends, past={zone.id: list(zones), CARD.id: list(pcms)})


def codes(verdict: Verdict) -> list[str]:
    return [finding.code for finding in verdict.findings]
