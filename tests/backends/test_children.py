"""Child processes that send what they should not, or hang: each becomes an error with a sentence."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from pathlib import Path

import psutil
import pytest

from backends import children
from backends.children import LARGEST_FRAME, LONGEST_LINE
from backends.runtime import SourceIO
from tests.backends.processes import ROOM, for_ever, is_gone, python
from tests.patience import NEVER, POLL, limit, until_async

SILENCE = 6 * POLL


def test_no_backend_starts_a_program_by_itself() -> None:
    """All go through `io`. The picture child is one itself, and starts the program of which it takes the pictures; the
    root helper is a program of its own, and installed without a console."""
    starts, found = re.compile(r"subprocess|os\.(fork|exec|posix_spawn|system)"), set()
    root = Path(children.__file__).parent
    for path in root.rglob("*.py"):
        if starts.search(path.read_text()) and not path.is_relative_to(root / "testing"):
            found.add(str(path.relative_to(root)))
    assert found == {"children.py", "capture/picture_child.py", "helper/players.py", "helper_install.py"}


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
