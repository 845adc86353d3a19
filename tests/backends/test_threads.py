"""Threads: a call that hangs parks its source, honest calls take turns, and what nobody waits for is not done."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncGenerator

import pytest

from backends.contract import IO, Observation, Parked, State
from backends.runtime import SourceIO
from tests.backends.scripted import Scripted, runtime, said


def threads(name: str) -> int:
    return sum(1 for thread in threading.enumerate() if thread.name == f"foh {name}")


async def gone(name: str) -> None:
    """A thread that has been told to end does so when it gets its turn."""
    for thread in [each for each in threading.enumerate() if each.name == f"foh {name}"]:
        await asyncio.to_thread(thread.join, 2)
    assert threads(name) == 0


async def test_a_call_that_hangs_parks_its_source_and_takes_no_second_thread() -> None:
    io, go = SourceIO("stuck"), threading.Event()
    with pytest.raises(TimeoutError, match=r"did not answer within 0\.1 s"):
        await io.thread(go.wait, within=0.1)
    for _ in range(5):
        start = time.monotonic()
        with pytest.raises(Parked):
            await io.thread(int)
        assert time.monotonic() - start < 0.05  # at once
    assert threads("stuck") == 1
    go.set()
    await asyncio.sleep(0.05)
    assert await io.thread(int) == 0  # it has come back: so has the source
    io.close()


async def test_a_part_that_hangs_parks_itself_alone() -> None:
    io, go = SourceIO("whole"), threading.Event()
    for error in (TimeoutError, Parked):
        with io.part("stuck") as part, pytest.raises(error):
            await part.thread(go.wait, within=0.1)
    with io.part("sound") as part:
        assert await part.thread(int) == 0
    assert await io.thread(int) == 0
    await gone("whole sound")
    assert threads("whole stuck") == 1
    go.set()
    await gone("whole stuck")
    with io.part("stuck") as part:
        assert await part.thread(int) == 0
    io.close()


async def test_honest_calls_take_turns() -> None:
    io, order = SourceIO("busy"), list[int]()

    def slow(number: int) -> int:
        order.append(number)
        time.sleep(0.05)
        order.append(number)
        return number

    assert await asyncio.gather(*(io.thread(slow, n) for n in range(4))) == [0, 1, 2, 3]
    assert order == [0, 0, 1, 1, 2, 2, 3, 3]
    assert threads("busy") == 1
    io.close()


async def test_what_waits_too_long_for_its_turn_is_never_done() -> None:
    io, go, done = SourceIO("queue"), threading.Event(), list[str]()
    first = asyncio.create_task(io.thread(go.wait, within=5))
    await asyncio.sleep(0.05)
    with pytest.raises(TimeoutError):
        await io.thread(done.append, "late", within=0.1)
    cancelled = asyncio.create_task(SourceIO.thread(io, done.append, "cancelled", within=5))
    await asyncio.sleep(0.05)
    cancelled.cancel()
    go.set()
    assert await first
    await io.thread(done.append, "wanted")
    assert done == ["wanted"]
    io.close()


async def test_a_calls_own_error_is_its_own() -> None:
    io = SourceIO("own")
    with pytest.raises(TimeoutError, match="mine"):
        await io.thread(_raise, TimeoutError("mine"))
    with pytest.raises(ZeroDivisionError):
        await io.thread(_raise, ZeroDivisionError())
    assert await io.thread(int) == 0  # not parked
    io.close()
    await asyncio.sleep(0.05)
    assert threads("own") == 0


def _raise(error: Exception) -> None:
    raise error


async def test_a_hung_thread_hurts_no_sibling_and_does_not_delay_the_end() -> None:
    go = threading.Event()

    async def hangs(io: IO) -> AsyncGenerator[Observation, None]:
        await io.thread(go.wait, within=0.2)
        yield Observation()

    async def goes_on(io: IO) -> AsyncGenerator[Observation, None]:
        while True:
            await io.thread(time.sleep, 0.001)
            yield Observation()
            await asyncio.sleep(0.02)

    async with runtime(Scripted("hangs", hangs), Scripted("goes on", goes_on)) as started:
        found = await said(started, 60)
        start = time.monotonic()
    assert time.monotonic() - start < 1
    hung = [o for o in found if o.source.local == "hangs"]
    assert {o.health.state for o in hung} == {State.HUNG}
    assert len(hung) >= 2
    beats = [o.at for o in found if o.source.local == "goes on"]
    assert max(b - a for a, b in itertools.pairwise(beats)) < 0.3
    go.set()
