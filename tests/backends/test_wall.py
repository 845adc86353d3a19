"""No value reaches the venue that its field cannot have, whichever source reports it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator

import pytest

from backends.contract import IO, Id, Observation, Unknown, Why
from backends.kinds import Control, Zone
from backends.wall import LARGEST, sound
from tests.backends.scripted import Scripted, runtime, said


@pytest.mark.parametrize(
    ("field", "value", "is_kept"),
    [
        ("volume", 0, True), ("volume", 100, True), ("volume", LARGEST, True), ("volume", Unknown(), True),
        ("volume", 12.5, True), ("volume", -1, False), ("volume", math.nan, False), ("volume", math.inf, False),
        ("volume", -math.inf, False), ("volume", 1e300, False), ("volume", -(10**18), False),
        pytest.param("volume", 10**5000, False, id="enormous"),
        ("volume", True, False), ("volume", "40", False), ("volume", None, False), ("volume", [40], False),
        ("title", "nan", True), ("title", 40, False), ("title", {"a": 1}, False),
        ("log", ("a", "b"), True), ("log", "ab", False),
        ("jumps", -3, True),  # not declared as a field: only what is no number is refused
        ("jumps", math.nan, False),
    ],
)  # fmt: skip
def test_a_value_that_its_field_cannot_have_is_unknown(field: str, value: object, is_kept: bool) -> None:
    zone = Zone(id=Id("h", "zone", "bar"), name="bar", position=3.0, **{field: value})
    passed = sound(zone)
    assert isinstance(passed, Zone)
    assert (passed.name, passed.position) == ("bar", 3.0)
    if is_kept:
        assert passed is zone
    else:
        assert getattr(passed, field).why is Why.MALFORMED


@pytest.mark.parametrize(("field", "value"), [("gain", -64.5), ("mute", False)])
def test_decibels_may_be_below_zero_and_a_flag_is_no_number(field: str, value: object) -> None:
    control = Control(id=Id("h", "control", "bar"), name="bar", **{field: value})  # type: ignore[arg-type]
    assert sound(control) is control


@pytest.mark.parametrize("value", [1, "no"])
def test_a_flag_is_a_flag(value: object) -> None:
    control = sound(Control(id=Id("h", "control", "bar"), name="bar", mute=value))  # type: ignore[arg-type]
    assert isinstance(control.mute, Unknown)  # type: ignore[attr-defined]


async def test_every_source_passes_it() -> None:
    async def watch(io: IO) -> AsyncGenerator[Observation, None]:
        yield Observation(upserts=(Zone(id=Id("h", "zone", "bar"), name="bar", volume=math.nan),))
        await asyncio.Event().wait()

    async with runtime(Scripted("s", watch)) as started:
        (observation,) = await said(started, 1)
    (zone,) = observation.upserts
    assert isinstance(zone.volume, Unknown)  # type: ignore[attr-defined]
