"""No number that is none reaches the venue, whichever source says it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator

import pytest

from backends.contract import IO, Id, Observation, Unknown, Why
from backends.kinds import Zone
from backends.wall import LARGEST, sound
from tests.backends.scripted import Scripted, runtime, said


@pytest.mark.parametrize(
    ("value", "is_kept"),
    [
        (0, True), (-12.5, True), (100, True), (LARGEST, True), (True, True), ("nan", True), (Unknown(), True),
        (math.nan, False), (math.inf, False), (-math.inf, False), (1e300, False), (-(10**18), False),
        pytest.param(10**5000, False, id="enormous"),
    ],
)  # fmt: skip
def test_a_number_that_is_none_is_unknown(value: object, is_kept: bool) -> None:
    zone = Zone(id=Id("h", "zone", "bar"), name="bar", volume=value, position=3.0)  # type: ignore[arg-type]
    passed = sound(zone)
    assert isinstance(passed, Zone)
    assert (passed.name, passed.position) == ("bar", 3.0)
    if is_kept:
        assert passed is zone
    else:
        assert isinstance(passed.volume, Unknown)
        assert passed.volume.why is Why.MALFORMED


async def test_every_source_passes_it() -> None:
    async def watch(io: IO) -> AsyncGenerator[Observation, None]:
        yield Observation(upserts=(Zone(id=Id("h", "zone", "bar"), name="bar", volume=math.nan),))
        await asyncio.Event().wait()

    async with runtime(Scripted("s", watch)) as started:
        (observation,) = await said(started, 1)
    (zone,) = observation.upserts
    assert isinstance(zone.volume, Unknown)  # type: ignore[attr-defined]
