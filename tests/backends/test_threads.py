"""Threads: a call that hangs parks its source, honest calls take turns, and what nobody waits for is not done."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator

import pytest

from backends.contract import IO, Observation, Parked, State
from backends.runtime import SourceIO
from tests.backends.scripted import Scripted, runtime, said
from tests.patience import BOUND, POLL, elapse, until_async


def threads(name: str) -> int:
    return sum(1 for thread in threading.enumerate() if thread.name == f"foh {name}")


async def gone(name: str) -> None:
    """A thread that has been told to end does so when it gets its turn."""
    for thread in [each for each in threading.enumerate() if each.name == f"foh {name}"]:
        await asyncio.to_thread(thread.join, BOUND)
    assert threads(name) == 0


async def test_a_call_that_hangs_parks_its_source_and_takes_no_second_thread() -> None:
    io, go = SourceIO("stuck"), threading.Event()
    with pytest.raises(TimeoutError, match=r"did not answer within 0\.1 s"):
        await io.thread(go.wait, within=0.1)
    for _ in range(5):
        with pytest.raises(Parked):
            await io.thread(int)
    assert threads("stuck") == 1
    go.set()
    await until_async(lambda: io._overdue is None or io._overdue.ended)
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
        elapse(POLL)  # in which another one could begin
        order.append(number)
        return number

    assert await asyncio.gather(*(io.thread(slow, n) for n in range(4))) == [0, 1, 2, 3]
    assert order == [0, 0, 1, 1, 2, 2, 3, 3]
    assert threads("busy") == 1
    io.close()


async def test_what_waits_too_long_for_its_turn_is_never_done() -> None:
    io, go, done = SourceIO("queue"), threading.Event(), list[str]()
    first = asyncio.create_task(io.thread(go.wait, within=BOUND))
    await until_async(lambda: io._worker is not None and io._worker.current)
    with pytest.raises(TimeoutError):
        await io.thread(done.append, "late", within=0.1)
    cancelled = asyncio.create_task(SourceIO.thread(io, done.append, "cancelled", within=BOUND))
    await asyncio.sleep(0)  # in which it takes its place in the queue
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
    await gone("own")


def _raise(error: Exception) -> None:
    raise error


async def test_a_hung_thread_hurts_no_sibling_and_does_not_delay_the_end() -> None:
    go = threading.Event()

    async def hangs(io: IO) -> AsyncGenerator[Observation, None]:
        await io.thread(go.wait, within=0.2)
        yield Observation()

    async def goes_on(io: IO) -> AsyncGenerator[Observation, None]:
        while True:
            await io.thread(int)
            yield Observation()
            await asyncio.sleep(POLL)

    async with runtime(Scripted("hangs", hangs), Scripted("goes on", goes_on)) as started:
        found = await said(started, 60)
    go.set()  # only now: it has ended without that
    hung = [number for number, o in enumerate(found) if o.source.local == "hangs"]
    assert {found[number].health.state for number in hung} == {State.HUNG}
    first, second, *_ = hung
    assert "goes on" in [o.source.local for o in found[:first]]
    assert "goes on" in [o.source.local for o in found[first:second]]
