"""`foh demo --rig` on a terminal: the console in a guest, its screen here, and nothing left of either."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import BOUND
from tests.rig.drills.console import WELL, trouble
from tests.terminal import FOH, ROOT, Terminal

PULLED = "kitchen is silent: no amplifier at USB port 1-5"


@pytest.fixture
def place() -> Iterator[Path]:
    """Where the demonstration keeps its folders, by a short name, as sockets are in them. None may be left."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)
        assert list(Path(name).iterdir()) == []


def demo(place: Path) -> Terminal:
    return Terminal([*FOH, "demo", "--rig", "--still"], 160, 48, {"TMPDIR": str(place)})


def ask(place: Path, *words: str) -> str:
    run, env = [sys.executable, "-m", "tests.rig", "ask", *words], {**os.environ, "TMPDIR": str(place)}
    return subprocess.run(run, cwd=ROOT, env=env, capture_output=True, text=True, check=True, timeout=BOUND).stdout


def position(terminal: Terminal) -> str:
    """How far the bar's player is, as the pane says."""
    found = re.search(r"bar +playing .*? (\d+:\d\d) ", terminal.text)
    return found[1] if found else ""


def key_to_screen(terminal: Terminal, key: str, shows: str) -> None:
    """There and back."""
    terminal.press(key)
    terminal.wait_for(shows)
    terminal.press("escape")
    terminal.wait_gone(shows)


def test_the_console_in_a_guest_is_as_one_on_this_machine(place: Path) -> None:
    with demo(place) as terminal:
        terminal.until(lambda: trouble(terminal) == WELL)
        terminal.until(lambda: re.search(r"zones 9/9", terminal.text))
        for port in range(1, 10):
            terminal.wait_for(f"1-{port} ")
        for _ in range(15):
            key_to_screen(terminal, "?", "this help")
        terminal.resize(80, 24)
        terminal.wait_for("nothing is wrong")
        terminal.resize(160, 48)
        terminal.until(lambda: position(terminal))
        assert ask(place, "unplug", "kitchen") == "done\n"
        terminal.wait_for(PULLED)
        assert "KeyError" in ask(place, "dance")
        assert ask(place, "plug", "kitchen") == "done\n"
        terminal.wait_gone(PULLED)
        was = position(terminal)
        terminal.until(lambda: position(terminal) != was)  # the panes go on
        terminal.press("q")
        assert terminal.ended() == 0
        assert terminal.left_on == []
        terminal.until(lambda: not terminal.alive())


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("when", ["rig: starting nine players", "9/9"])
def test_a_signal_ends_the_guest_as_well(place: Path, number: signal.Signals, when: str) -> None:
    with demo(place) as terminal:
        terminal.wait_for(when)
        os.kill(terminal.process.pid, number)
        assert terminal.ended() == 130
        assert terminal.left_on == []
        terminal.until(lambda: not terminal.alive())
