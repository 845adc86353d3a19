"""Children that do everything a child should not: each becomes an error with a sentence, and none is left behind."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import psutil
import pytest

from backends import children
from backends.children import FIRST_PAUSE, LARGEST_FRAME, LONGEST_LINE, LONGEST_OUTPUT, LONGEST_PAUSE, Talk
from backends.clock import MachineClock
from backends.contract import IO, Observation, State
from backends.runtime import PACE, SourceIO
from tests.backends.scripted import Scripted, runtime, said
from tests.patience import BOUND, NEVER, POLL, limit, until_async

ROOM = 20 << 20  # bytes by which a hostile child may make this process grow
SILENCE = 6 * POLL


def python(script: str, io: SourceIO | None = None, **more: Any) -> AbstractAsyncContextManager[Talk]:
    """A child that is this script."""
    return (io or SourceIO("c")).child([sys.executable, "-c", script], **more)


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def gone(pid: int) -> None:
    """Waits for the end of a process, and ends one that does not come to it."""
    try:
        await until_async(lambda: is_gone(pid), f"the end of process {pid}")
    except AssertionError:
        os.kill(pid, signal.SIGKILL)
        raise


async def for_ever(do: Callable[[], Awaitable[object]]) -> None:
    while True:
        await do()


def test_no_backend_starts_a_program_by_itself() -> None:
    """All go through `io`. The picture child is one itself, and starts the program of which it takes the pictures."""
    starts, found = re.compile(r"subprocess|os\.(fork|exec|posix_spawn|system)"), set()
    root = Path(children.__file__).parent
    for path in root.rglob("*.py"):
        if starts.search(path.read_text()) and not path.is_relative_to(root / "testing"):
            found.add(path.name)
    assert found == {"children.py", "picture_child.py"}


# --- what they say ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "error", "says"),
    [
        ("pass", ConnectionError, "ended with exit status 0"),
        ("print('nonsense')", ValueError, "something else than a JSON object"),
        ("print('[1]')", ValueError, "something else than a JSON object"),
        ("print('{\"a\": NaN}')", ValueError, "something else than a JSON object"),
        ("print('[' * 900000)", ValueError, "something else than a JSON object"),
        ("import os; os.write(1, os.urandom(100000) + b'\\n')", ValueError, "something else than a JSON object"),
        ("print('{\"a\"', end='')", ConnectionError, "ended with exit status 0"),
        ("print('{\"frame\": 1073741824}')", ValueError, "a frame of 1073741824 bytes"),
        ("print('{\"frame\": -1}')", ValueError, "a frame of -1 bytes"),
        ('print(\'{"frame": "x"}\')', ValueError, "a frame of x bytes"),
        ("print('{\"frame\": 3}\\nab', end='')", ConnectionError, "ended with exit status 0"),
    ],
)
async def test_what_a_child_says_wrong_is_an_error(script: str, error: type[Exception], says: str) -> None:
    async with limit(), python(script) as child:
        with pytest.raises(error, match=says):
            await child.receive()


@pytest.mark.parametrize(
    "script",
    [
        "import os\nwhile True: os.write(1, b'x' * 65536)",
        f"import os\nos.write(1, b'{{\"frame\": {1 << 30}}}\\n')\nwhile True: os.write(1, bytes(65536))",
        'import os\nwhile True: os.write(1, b\'{"at": "x"}\\n\' * 1000)',
    ],
    ids=["endless line", "frame of 1 GB", "nothing but places"],
)
async def test_an_endless_child_is_refused_before_it_fills_the_memory(script: str) -> None:
    before = psutil.Process().memory_info().rss
    async with limit(), python(script, silence=NEVER) as child:
        with pytest.raises(ValueError, match="the child process"):
            await child.receive()
        assert psutil.Process().memory_info().rss - before < ROOM


async def test_a_child_that_floods_holds_up_nobody() -> None:
    """Others have their turn while what it has sent is taken, and it waits for us."""
    before, turns = psutil.Process().memory_info().rss, 0
    async with limit(), python("import os\nwhile True: os.write(1, b'{\"n\": 1}\\n' * 5000)") as child:
        await until_async(lambda: len(child._process.stdout._buffer) > LONGEST_LINE)  # type: ignore[attr-defined]

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(others())
        for _ in range(20 * children.TURN):
            await child.receive()
        assert turns >= 10
        task.cancel()
        assert psutil.Process().memory_info().rss - before < ROOM


async def test_lines_and_frames_come_as_they_were_sent() -> None:
    script = f"""
import os, sys
print('{{"x": "' + 'y' * {LONGEST_LINE - 100} + '"}}')
print('{{"frame": 4, "n": 1}}', end='\\n{{\\n}}\\n')
print('{{"frame": 0}}', flush=True)
sys.stdout.buffer.write(b'{{"frame": {LARGEST_FRAME}}}\\n' + bytes({LARGEST_FRAME}) + b'{{"last": 1}}\\n')
"""
    async with limit(), python(script) as child:
        assert len((await child.receive())["x"]) == LONGEST_LINE - 100
        assert await child.receive() == {"frame": b"{\n}\n", "n": 1}
        assert await child.receive() == {"frame": b""}
        assert (await child.receive())["frame"] == bytes(LARGEST_FRAME)
        assert await child.receive() == {"last": 1}


async def test_a_message_that_nobody_waits_for_any_more_is_not_lost() -> None:
    script = """
import sys
print('{"frame": 4}\\nab', end='', flush=True)
sys.stdin.readline()
print('cd{"n": 2}', flush=True)
sys.stdin.readline()
"""
    async with limit(), python(script) as child:
        waiting = asyncio.create_task(child.receive())
        await until_async(lambda: child._header)
        waiting.cancel()
        await asyncio.wait({waiting})
        await child.send({})
        assert await child.receive() == {"frame": b"abcd"}
        assert await child.receive() == {"n": 2}


# --- those that hang --------------------------------------------------------------------------------------


async def test_a_child_that_never_speaks_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "TO_START", POLL)
    async with limit(), python("import time; time.sleep(60)", system="ALSA", silence=NEVER) as child:
        with pytest.raises(TimeoutError, match=r"ALSA hangs, or this machine is too busy: .* within 0\.05 s"):
            await child.receive()


@pytest.mark.parametrize("looks", [False, True])
@pytest.mark.parametrize(
    ("place", "blamed"), [("", "ALSA"), ("hw:bar", "ALSA hangs at hw:bar"), ("\x1b[2J", r"ALSA hangs at ␛\[2J")]
)
async def test_a_child_that_stops_speaking_is_blamed_on_what_it_turned_to(place: str, blamed: str, looks: bool) -> None:
    script = f"""
import json, sys, threading
threading.Thread(target=sys.stdin.read, daemon=True).start()
print('{{}}')
print(json.dumps({{"at": {place!r}}}), flush=True)
threading.Event().wait()
"""
    async with limit(), python(script, system="ALSA", silence=SILENCE, looks=looks) as child:
        assert await child.receive() == {}
        with pytest.raises(TimeoutError, match=rf"^{blamed}.*: its child process has said nothing for {SILENCE:g} s$"):
            await child.receive()


@pytest.mark.parametrize("looks", [False, True])
async def test_a_child_that_is_stopped_is_found_out_and_killed(looks: bool) -> None:
    script = f"import time\nwhile True: print('{{}}', flush=True); time.sleep({POLL})"
    async with limit(), python(script, silence=SILENCE, looks=looks) as child:
        await child.receive()
        os.kill(child.pid, signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            await for_ever(child.receive)
    assert is_gone(child.pid)


async def test_a_child_that_takes_no_messages_holds_up_no_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "SENDING", POLL)
    async with limit(), python("import time; time.sleep(60)", system="ALSA") as child:
        with pytest.raises(TimeoutError, match="ALSA hangs"):
            await child.send({"x": "y" * LONGEST_LINE})


async def test_a_child_that_has_ended_takes_no_messages() -> None:
    async with limit(), python("import sys; sys.exit('no card')") as child:
        with pytest.raises(ConnectionError, match="with exit status 1: no card"):
            await for_ever(lambda: child.send({"x": "y" * LONGEST_LINE}))


async def test_what_has_come_while_nobody_listened_is_read_before_a_child_is_blamed() -> None:
    script = f"import time\nfor n in range(40): print('{{}}', flush=True); time.sleep({POLL / 5})\ntime.sleep(60)"
    async with limit(), python(script, silence=SILENCE) as child:
        await child.receive()
        child._spoke -= NEVER  # as if this machine had been busy since
        await child.receive()


async def test_a_child_is_asked_to_look_again_when_a_run_has_touched_its_source() -> None:
    """And goes on being asked for a while, as what was done may take its time."""
    io = SourceIO("s")
    script = "import sys\nprint('{}', flush=True)\nfor line in sys.stdin: print(line.strip(), flush=True)"
    async with limit(), python(script, io, silence=NEVER, looks=True) as child:
        assert await child.receive() == {}
        waiting = asyncio.create_task(child.receive())
        await asyncio.sleep(0)
        io.touch()
        assert await waiting == {"look": True}
        assert await child.receive() == {"look": True}


# --- how they end -----------------------------------------------------------------------------------------


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
    pid = int(await asyncio.wait_for(parent.stdout.readline(), BOUND))
    assert not is_gone(pid)
    parent.kill()
    await parent.wait()
    await gone(pid)


# --- back-off ---------------------------------------------------------------------------------------------


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


# --- run once ---------------------------------------------------------------------------------------------


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


# --- what they cost ---------------------------------------------------------------------------------------

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
