"""The runtime: what dies, fails or lies is one source's trouble, and said."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator

import psutil
import pytest

from backends.clock import MachineClock
from backends.contract import IO, Health, Id, Observation, Parked, Remedy, State
from backends.runtime import FIRST_PAUSE, LONGEST_PAUSE, PACE, Runtime, SourceIO, health_of
from tests.backends.scripted import Scripted, runtime, said
from tests.patience import BOUND, NEVER, POLL, limit

# --- children ---------------------------------------------------------------------------------------------

CHILD = """
import time
from backends.child_process import die_with_parent
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
    child = psutil.Process(int(await asyncio.wait_for(parent.stdout.readline(), BOUND)))
    os.kill(parent.pid, signal.SIGKILL)
    await parent.wait()
    await asyncio.to_thread(psutil.wait_procs, [child], BOUND)
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
            await asyncio.wait_for(child.receive(), BOUND)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("pass", "the child process has ended with exit status 0"),
        ("import sys; sys.exit('no card')", "the child process has ended with exit status 1: no card"),
        ("import sys; print('x' * 10**6, 'so', 'it is\x1b[2J', sep='\\n', file=sys.stderr); sys.exit(3)",
         "the child process has ended with exit status 3: it is␛[2J"),
        ("import os; os.kill(os.getpid(), 9)", "the child process has ended by signal 9"),
        ("import os, time; os.close(1); time.sleep(60)", "the child process says nothing more"),
    ],
)  # fmt: skip
async def test_how_a_child_ended_is_said_with_its_last_complaint(script: str, said: str) -> None:
    async with SourceIO("c").child([sys.executable, "-c", script]) as child:
        with pytest.raises(ConnectionError) as raised:
            await asyncio.wait_for(child.receive(), BOUND)
    assert str(raised.value) == said


async def test_a_child_is_gone_after_its_body_even_if_it_ignores_the_end_of_its_input() -> None:
    async with SourceIO("c").child([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        process = psutil.Process(child.pid)
    assert not process.is_running()


async def test_a_large_venue_fits_into_one_line_of_a_child() -> None:
    script = "print('{\"x\": \"' + 'y' * 900000 + '\"}')"
    async with SourceIO("c").child([sys.executable, "-c", script]) as child:
        assert len((await asyncio.wait_for(child.receive(), BOUND))["x"]) == 900000


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


def test_what_is_no_answer_is_told_as_it_was_said() -> None:
    assert health_of(ValueError("no JSON")).sentence == "no JSON"


class Hurried(MachineClock):
    """Notes for how long it is asked to sleep, and does not."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)


async def test_a_failing_source_is_asked_less_and_less_often() -> None:
    clock = Hurried()
    well = iter([False] * 7 + [True] + [False] * 3)

    async def fails(io: IO) -> AsyncGenerator[Observation, None]:
        if next(well, False):
            yield Observation()
        raise OSError("down")

    async with runtime(Scripted("fails", fails), clock=clock) as started:
        found = await said(started, 12)
    pauses = [pause for pause in clock.pauses if pause != PACE]
    assert pauses[:7] == [FIRST_PAUSE, 0.5, 1, 2, 4, LONGEST_PAUSE, LONGEST_PAUSE]
    assert pauses[7:10] == [FIRST_PAUSE, 0.5, 1]  # once well, from the beginning
    assert [o.seq for o in found] == list(range(1, 13))


async def test_a_source_that_ends_quietly_is_not_taken_for_well() -> None:
    async def ends(io: IO) -> AsyncGenerator[Observation, None]:
        yield Observation()

    async with runtime(Scripted("ends", ends)) as started:
        assert [o.health.state for o in await said(started, 2)] == [State.OK, State.REFUSED]


async def test_a_source_that_says_itself_what_is_wrong_ends_with_that() -> None:
    hung = Health(State.HUNG, "no answer", Remedy("restart it", "restart", Id("h", "zone", "bar")))

    async def ends(io: IO) -> AsyncGenerator[Observation, None]:
        yield Observation()
        yield Observation(hung)

    async with runtime(Scripted("ends", ends)) as started:
        first, second, third, fourth = await said(started, 4)
    assert [o.health for o in (first, second, third, fourth)] == [Health(), hung, Health(), hung]


async def forever() -> None:
    await asyncio.Event().wait()


# --- who begins when --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("silent", "order"), [(False, ["first", "late"]), (True, ["late"])])
async def test_a_heavy_import_waits_until_the_others_have_spoken_but_not_for_one_that_hangs(
    silent: bool, order: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.runtime.OTHERS", POLL if silent else NEVER)

    async def first(io: IO) -> AsyncGenerator[Observation, None]:
        if silent:
            await forever()
        yield Observation()
        await forever()

    async def late(io: IO) -> AsyncGenerator[Observation, None]:
        await io.load("colorsys", late=True)
        yield Observation()
        await forever()

    started = Runtime()
    started.start([Scripted("late", late), Scripted("first", first)])
    assert [o.source.local for o in await said(started, len(order))] == order
    await started.stop()


async def test_a_heavy_import_of_a_source_alone_begins_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def late(io: IO) -> AsyncGenerator[Observation, None]:
        await io.load("colorsys", late=True)
        yield Observation()
        await forever()

    monkeypatch.setattr("backends.runtime.OTHERS", NEVER)
    started = Runtime()
    started.start([Scripted("late", late)])
    assert await said(started, 1)
    await started.stop()


async def test_a_source_that_waits_looks_again_when_a_run_has_touched_it_and_for_a_while_after() -> None:
    io = SourceIO("s")
    waiting = asyncio.create_task(io.wait(NEVER))
    await asyncio.sleep(0)
    io.touch()
    async with limit():
        await waiting
        await io.wait(NEVER)  # what was done may take its time to be seen


async def test_news_end_a_wait_and_what_is_awaited_for_them_does_not_stay_behind() -> None:
    io = SourceIO("s")
    news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    await io.wait(0, news)
    assert news.cancelled()

    async def fails() -> None:
        raise ConnectionError("it has ended")

    with pytest.raises(ConnectionError, match="it has ended"):
        await io.wait(NEVER, fails())
    event = asyncio.Event()
    event.set()
    async with limit():
        await io.wait(NEVER, event.wait())
    assert asyncio.all_tasks() == {asyncio.current_task()}
