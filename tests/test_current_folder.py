"""No code comes from the folder that an operator is in, and a relative path still means what it meant there."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from backends.audio.pulse import source as pulse
from backends.capture import picture
from backends.hardware import usb
from backends.interpreter import python
from backends.runtime import SourceIO
from tests.patience import BOUND

ROOT = Path(__file__).parents[1]
FOH = (str(Path(sys.executable).with_name("foh")),)
AS_MODULE = (sys.executable, "-m", "console")
MODULES = (  # what foh, its children and the embedded venue import, some of it from Python itself
    "aiohttp", "alsaaudio", "asyncio", "ctypes", "httpx", "json", "msgspec", "mpd", "psutil", "pulsectl", "pyudev",
    "rich", "select", "selectors", "serial", "shutil", "socket", "tempfile", "textual", "tomllib", "usb", "websockets",
)  # fmt: skip
STARTS_PYTHON = {
    "backends/interpreter.py",
    "console/cli.py",
    "backends/testing/patience.py",
}  # the rig, in its checkout; a busy loop


@pytest.fixture
def mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that appears when code from the current folder runs."""
    mark, folder = tmp_path / "mark", tmp_path / "downloads"
    folder.mkdir()
    for name in MODULES:
        (folder / f"{name}.py").write_text(f"open({str(mark)!r}, 'a').write({name!r} + ' ')\nraise SystemExit(1)\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FOH_STATE", "state")
    return mark


@pytest.mark.parametrize(
    "command",
    [
        (*FOH, "status"),
        (*FOH, "status", "--demo"),
        (*FOH, "doctor"),
        (*FOH, "act", "--demo", "zone/bar", "pause", "--yes"),
        (*AS_MODULE, "status"),
    ],
)
def test_a_command_runs_nothing_from_it(mark: Path, command: Sequence[str]) -> None:
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=BOUND, check=False)
    assert not mark.exists(), mark.read_text()
    assert ran.stdout
    assert "Traceback" not in ran.stderr


CHILDREN = {
    "mixer": python("backends.audio.mixer_child"),
    "sound server": pulse.CHILD,
    "pictures": (*picture.CHILD, "8", "1", "true"),
    "tone": usb.Settings().tone,
}


@pytest.mark.parametrize("argv", CHILDREN.values(), ids=CHILDREN)
async def test_a_child_runs_nothing_from_it(mark: Path, argv: Sequence[str]) -> None:
    async with SourceIO("s").child(argv) as child:
        with contextlib.suppress(ConnectionError):  # there is no sound server or no sound card: its imports are done
            await child.send({"play": "no-such-card"})
            await child.receive()
    assert not mark.exists(), mark.read_text()


def test_a_run_of_its_own_runs_nothing_from_it_and_finds_the_relative_journal(mark: Path) -> None:
    command = (*FOH, "act", "--demo", "instance/encode1", "stop", "--yes")
    ran = subprocess.run(command, capture_output=True, text=True, timeout=BOUND, check=False)
    assert not mark.exists(), mark.read_text()
    assert ran.returncode == 0, ran.stdout + ran.stderr
    with sqlite3.connect("state/journal.sqlite") as journal:
        assert journal.execute("SELECT outcome FROM run").fetchall() == [("done",)]


def test_a_relative_program_that_takes_pictures_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert picture.command(("./look", "{video}"), "/dev/video0") == (f"{tmp_path}/look", "/dev/video0")
    assert picture.command(("look", "./quiet"), "/dev/video0") == ("look", "./quiet")


def test_python_is_started_in_one_place() -> None:
    files = [file for part in ("backends", "console") for file in (ROOT / part).rglob("*.py")]
    starting = {str(file.relative_to(ROOT)) for file in files if 'sys.executable, "-' in file.read_text()}
    assert starting == STARTS_PYTHON
