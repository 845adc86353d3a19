"""The runtime: what hangs, dies, fails or lies is one source's trouble, and said."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import psutil
import pytest

from backends import registry
from backends.contract import IO, Health, Ledger, Observation, Offer, Parked, Plan, State
from backends.runtime import FIRST_PAUSE, LONGEST_PAUSE, Runtime, SourceIO, health_of


class Scripted:
    """A source whose watching is a test's own function."""

    host = "h"

    def __init__(self, name: str, watch: Callable[[IO], AsyncGenerator[Observation, None]]) -> None:
        self.name, self.watch = name, watch

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        raise NotImplementedError

    async def execute(self, plan: Plan, ledger: Ledger, io: IO) -> None:
        raise NotImplementedError


@contextlib.asynccontextmanager
async def runtime(*sources: Scripted) -> AsyncIterator[Runtime]:
    started = Runtime()
    started.start(sources)
    try:
        yield started
    finally:
        await started.stop()


async def said(of: Runtime, count: int, within: float = 5.0) -> list[Observation]:
    found: list[Observation] = []
    async with asyncio.timeout(within):
        async for observation in of.observations():
            found.append(observation)
            if len(found) == count:
                break
    return found


def threads(name: str) -> int:
    return sum(1 for thread in threading.enumerate() if thread.name == f"foh {name}")


# --- threads ----------------------------------------------------------------------------------------------


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
    hung = [o for o in found if o.source == "hangs"]
    assert {o.health.state for o in hung} == {State.HUNG}
    assert len(hung) >= 2
    beats = [o.at for o in found if o.source == "goes on"]
    assert max(b - a for a, b in itertools.pairwise(beats)) < 0.3
    go.set()


# --- children ---------------------------------------------------------------------------------------------

CHILD = """
import time
from backends.runtime import die_with_parent
die_with_parent()
print("{}", flush=True)
time.sleep(60)
"""
PARENT = f"""
import asyncio, sys
from backends.runtime import SourceIO
async def main():
    async with SourceIO("p").child([sys.executable, "-c", {CHILD!r}]) as child:
        await child.receive()
        print(child.pid, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_a_child_dies_with_a_parent_that_is_killed() -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    child = psutil.Process(int(await asyncio.wait_for(parent.stdout.readline(), 10)))
    os.kill(parent.pid, signal.SIGKILL)
    await parent.wait()
    await asyncio.to_thread(psutil.wait_procs, [child], 2)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("pass", ConnectionError),
        ("print('nonsense')", json.JSONDecodeError),
        ("print('[1]')", ValueError),
        ("print('\"' + 'x' * 3000000 + '\"')", ValueError),
    ],
)
async def test_what_a_child_says_wrong_is_an_error(script: str, error: type[Exception]) -> None:
    async with SourceIO("c").child([sys.executable, "-c", script]) as child:
        with pytest.raises(error):
            await asyncio.wait_for(child.receive(), 10)


async def test_a_child_is_gone_after_its_body_even_if_it_ignores_the_end_of_its_input() -> None:
    async with SourceIO("c").child([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        process = psutil.Process(child.pid)  # type: ignore[attr-defined]
    assert not process.is_running()


async def test_a_large_venue_fits_into_one_line_of_a_child() -> None:
    script = "print('{\"x\": \"' + 'y' * 900000 + '\"}')"
    async with SourceIO("c").child([sys.executable, "-c", script]) as child:
        assert len((await asyncio.wait_for(child.receive(), 10))["x"]) == 900000


# --- health and back-off ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Parked("p"), State.HUNG),
        (TimeoutError(), State.HUNG),
        (ConnectionRefusedError(), State.REFUSED),
        (FileNotFoundError("f"), State.REFUSED),
        (ConnectionResetError(), State.REFUSED),
        (EOFError(), State.REFUSED),
        (OSError(5, "Input/output error"), State.REFUSED),
        (PermissionError(13, "Permission denied"), State.DENIED),
        (ModuleNotFoundError("no x"), State.ABSENT),
        (ValueError("no JSON"), State.WRONG),
        (KeyError("k"), State.WRONG),
        (RecursionError(), State.WRONG),
        (RuntimeError("\x1b[31m"), State.WRONG),
    ],
)
def test_every_error_is_a_health_with_a_sentence_and_a_remedy(error: Exception, state: State) -> None:
    health = health_of(error)
    assert health.state is state
    assert health.sentence.isprintable()
    assert health.sentence
    assert health.remedy


async def test_a_failing_source_is_asked_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def noted(seconds: float, result: Any = None) -> Any:
        pauses.append(seconds)
        return await sleep(0, result)

    well = iter([False] * 7 + [True] + [False] * 3)

    async def fails(io: IO) -> AsyncGenerator[Observation, None]:
        if next(well, False):
            yield Observation()
        raise OSError("down")

    monkeypatch.setattr("backends.runtime.asyncio.sleep", noted)
    async with runtime(Scripted("fails", fails)) as started:
        found = await said(started, 12)
    assert pauses[:7] == [FIRST_PAUSE, 0.5, 1, 2, 4, LONGEST_PAUSE, LONGEST_PAUSE]
    assert pauses[7:10] == [FIRST_PAUSE, 0.5, 1]  # once well, from the beginning
    assert [o.seq for o in found] == list(range(1, 13))


async def test_a_source_that_ends_quietly_is_not_taken_for_well() -> None:
    async def ends(io: IO) -> AsyncGenerator[Observation, None]:
        yield Observation()

    async with runtime(Scripted("ends", ends)) as started:
        assert [o.health.state for o in await said(started, 2)] == [State.OK, State.REFUSED]


# --- the registry -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("raise ImportError('libfoo is missing')", "libfoo is missing"),
        ("1/0", "division by zero"),
        ("def (", "invalid syntax"),
        ("backend = 7", "is not a backends.contract.Backend"),
        ("", "backend"),
    ],
)
def test_a_broken_backend_is_a_health_and_the_others_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, text: str
) -> None:
    name = f"stranger_{abs(hash(module))}"
    (tmp_path / f"{name}.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    entries = [
        EntryPoint("broken", f"{name}:backend", registry.GROUP),
        EntryPoint("usb", "backends.hardware.usb:backend", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries)
    loaded, broken = registry.load_all()
    assert [backend.name for backend in loaded] == ["usb"]
    assert broken.keys() == {"broken"}
    assert broken["broken"].state is State.ABSENT
    assert text in broken["broken"].sentence


async def test_a_search_that_fails_or_hangs_is_a_health(monkeypatch: pytest.MonkeyPatch) -> None:
    from msgspec import structs

    backend = registry.load("usb")

    async def fails(context: Any, io: IO) -> list[Any]:
        raise PermissionError("no")

    found, health = await registry.discover(structs.replace(backend, discover=fails), "h", {}, {})
    assert (list(found), health.state) == ([], State.DENIED)
    assert isinstance(health, Health)
