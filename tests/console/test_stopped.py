"""Stopped by its shell and continued, a console gives the terminal back and takes it again."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.terminal import FOH, Terminal


def stop(terminal: Terminal, number: signal.Signals = signal.SIGTSTP) -> None:
    terminal.process.send_signal(number)
    program = psutil.Process(terminal.process.pid)
    terminal.until(lambda: program.status() == psutil.STATUS_STOPPED)


@pytest.mark.parametrize("number", [signal.SIGTSTP, signal.SIGSTOP])
def test_it_gives_the_terminal_back_and_paints_all_again(tmp_path: Path, number: signal.Signals) -> None:
    with Terminal([*FOH, "demo", "--still"], 120, 36, {"FOH_STATE": str(tmp_path)}) as terminal:
        terminal.wait_for("sources 17/17")
        terminal.settled()
        modes, before = set(terminal.left_on), terminal.screen()[1:3]
        for _ in range(3):
            stop(terminal, number)
            if number is signal.SIGTSTP:
                terminal.until(lambda: terminal.left_on == [])
            with terminal._news:
                terminal._feed(b"\x1b[2J\x1b[H$ ls\r\n")  # what a shell writes meanwhile
            os.kill(terminal.process.pid, signal.SIGCONT)
            terminal.until(lambda: set(terminal.left_on) == modes)
            terminal.until(lambda: terminal.screen()[1:3] == before)
            assert "$ ls" not in terminal.text
        terminal.press("?")
        terminal.wait_for("mark, to act on all")
        terminal.press("escape")
        terminal.settled()
        terminal.press("q")
        assert terminal.ended() == 0
        assert terminal.left_on == []


def test_it_is_ended_while_it_is_stopped(tmp_path: Path) -> None:
    with Terminal([*FOH, "demo", "--still"], 120, 36, {"FOH_STATE": str(tmp_path)}) as terminal:
        terminal.wait_for("sources 17/17")
        stop(terminal)
        terminal.process.send_signal(signal.SIGTERM)
        os.kill(terminal.process.pid, signal.SIGCONT)
        assert terminal.ended() == 128 + signal.SIGTERM
        assert terminal.left_on == []
