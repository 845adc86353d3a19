"""How child processes end, how often they are started again, programs that are run once, and what all of them cost."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import psutil
import pytest

from backends import children
from backends.children import FIRST_PAUSE, LONGEST_OUTPUT, LONGEST_PAUSE
from backends.clock import MachineClock
from backends.contract import IO, Observation, State
from backends.runtime import PACE, SourceIO
from tests.backends.processes import ROOM, gone, is_gone, python
from tests.backends.scripted import Scripted, runtime, said
from tests.patience import BOUND, NEVER, POLL, limit


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
    async with limit(), python(script) as child:
        with pytest.raises(ConnectionError) as raised:
            await child.receive()
    assert str(raised.value) == said


FORKS = """
import os, sys, time
if pid := os.fork():
    print('{"pid": %d}' % pid, flush=True)
    {then}
else:
    {detach}
    time.sleep(1000)
"""


@pytest.mark.parametrize("detach", ["pass", "os.setsid()"])
async def test_grandchildren_that_hold_the_pipes_do_not_hide_the_end_of_a_child(detach: str) -> None:
    script = FORKS.replace("{then}", "sys.exit(7)").replace("{detach}", detach)
    async with limit(), python(script) as child:
        pid = (await child.receive())["pid"]
        with pytest.raises(ConnectionError, match="ended with exit status 7"):
            await child.receive()
    if detach == "pass":
        await gone(pid)
    else:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("detach", ["pass", "os.setsid()"])
async def test_grandchildren_that_hold_the_pipes_do_not_hold_up_the_end_of_the_body(detach: str) -> None:
    script = FORKS.replace("{then}", "time.sleep(1000)").replace("{detach}", detach)
    async with limit():
        async with python(script) as child:
            pid = (await child.receive())["pid"]
        assert is_gone(child.pid)
    if detach == "pass":
        await gone(pid)
    else:
        os.kill(pid, signal.SIGKILL)


async def test_a_child_is_gone_after_its_body_even_if_it_ignores_every_signal() -> None:
    ignores = "import signal\nfor n in (1, 2, 3, 15): signal.signal(n, signal.SIG_IGN)\n"
    script = f"{ignores}print('{{}}', flush=True)\nsignal.pause()"
    async with limit(), python(script) as child:
        await child.receive()
    assert is_gone(child.pid)


async def test_a_program_that_is_not_there_is_said() -> None:
    with pytest.raises(FileNotFoundError, match="there is no program no-such-program"):
        async with SourceIO("c").child(["no-such-program"]):
            pass


OURS = """
import time
from backends.child_process import die_with_parent
die_with_parent()
print("{}", flush=True)
time.sleep(1000)
"""
PARENT = """
import asyncio, sys
from backends.runtime import SourceIO
async def main():
    async with SourceIO("p").child({argv!r}) as child:
        await child.receive()
        print(child.pid, flush=True)
        await asyncio.sleep(1000)
asyncio.run(main())
"""


@pytest.mark.parametrize("argv", [[sys.executable, "-c", OURS], ["sh", "-c", "echo {}; exec sleep 1000"]])
async def test_a_child_dies_with_a_parent_that_is_killed(argv: list[str]) -> None:
    """One of ours, and a foreign program."""
    script = PARENT.format(argv=argv)
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    async with limit():
        pid = int(await parent.stdout.readline())
    assert not is_gone(pid)
    parent.kill()
    await parent.wait()
    await gone(pid)


class Hurried(MachineClock):
    """Notes for how long it is asked to sleep, and does not."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)


async def test_a_child_that_dies_at_once_ten_times_is_started_less_and_less_often() -> None:
    clock = Hurried()

    async def watch(io: IO) -> AsyncGenerator[Observation, None]:
        async with io.child([sys.executable, "-c", "import sys; sys.exit('no card')"]) as child:
            await child.receive()
            yield Observation()

    async with runtime(Scripted("dies", watch), clock=clock) as started:
        found = await said(started, 10)
    assert [o.health.state for o in found] == [State.REFUSED] * 10
    assert {o.health.sentence for o in found} == {"the child process has ended with exit status 1: no card"}
    pauses = [pause for pause in clock.pauses if pause != PACE]
    assert pauses[:9] == [FIRST_PAUSE, 0.5, 1, 2, 4, *[LONGEST_PAUSE] * 4]


async def test_a_program_that_is_run_once_answers() -> None:
    io = SourceIO("c")
    ran = await io.run(
        ["sh", "-c", "cat; echo $WORD; echo why >&2; exit 3"], BOUND, {"WORD": "yes", "PATH": "/bin:/usr/bin"}
    )
    assert (ran.status, ran.text, ran.complaint) == (3, "yes\n", "why\n")
    assert (await io.run(["sh", "-c", "kill -9 $$"], BOUND)).status == -9
    assert io.usage().children == 0


async def test_one_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    async with limit():
        with pytest.raises(TimeoutError, match="sh has not answered"):
            await SourceIO("c").run(["sh", "-c", f"sleep 1000 & echo $! > {pid}; wait"], 10 * POLL)
        await gone(int(pid.read_text()))


async def test_one_that_leaves_a_daemon_behind_has_ended() -> None:
    async with limit():
        ran = await SourceIO("c").run(["sh", "-c", "setsid sleep 1000 & echo $!"], NEVER)
    os.kill(int(ran.text), signal.SIGKILL)
    assert ran.status == 0


async def test_one_that_prints_without_end_is_refused() -> None:
    before = psutil.Process().memory_info().rss
    async with limit():
        with pytest.raises(ValueError, match=f"more than {LONGEST_OUTPUT} bytes"):
            await SourceIO("c").run(["yes"], NEVER)
    assert psutil.Process().memory_info().rss - before < ROOM


BUSY = """
import time
held = bytearray(b"x" * (60 << 20))
print("{}", flush=True)
while time.process_time() < 30: pass
"""


async def test_what_children_use_is_told_with_what_their_source_observes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.runtime.SAMPLE", 0)

    async def watch(io: IO) -> AsyncGenerator[Observation, None]:
        yield Observation()
        with io.part("thing") as part:
            async with part.child(["sh", "-c", f"{sys.executable} -c '{BUSY}'; true"]) as child:
                await child.receive()
                while True:
                    yield Observation()
                    await asyncio.sleep(POLL)

    async with limit(), runtime(Scripted("busy", watch)) as started:
        seen = []
        async for observation in started.observations():
            seen.append(observation.usage)
            if observation.usage.cpu >= 0.3:
                break
    assert (seen[0].children, seen[0].cpu, seen[0].memory) == (0, 0.0, 0)
    assert seen[-1].children == 2, "the shell and what it runs"
    assert 60 <= seen[-1].memory < 200


async def test_what_children_use_is_looked_at_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    io, looks = SourceIO("c"), []
    monkeypatch.setattr(children, "usage", lambda pids: looks.append(pids))
    for _ in range(100):
        io.usage()
    async with python("import time; time.sleep(60)", io) as child:
        for _ in range(100):
            io.usage()
    assert looks == [frozenset(), {child.pid}]


def test_a_process_that_has_ended_uses_nothing() -> None:
    assert children.usage([0, 1 << 30]).children == 0
