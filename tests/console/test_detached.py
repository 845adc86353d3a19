"""A run that lasts is a process of its own: it outlives every console, each console shows it, and what is left of one
that was killed is resumed. On a pty, with a projector of a stranger's backend that answers when the test lets it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from console.cli import USAGE
from console.venue.owner import lives
from tests.console.test_cut_off import WAYS, act, device, env, journal, opened, texts
from tests.patience import BOUND, until
from tests.projector.server import Projector
from tests.terminal import Terminal

__all__ = ["device", "env"]  # fixtures

ORDERS = ["power off", "burn 100", "fan off"]


def row(env: Mapping[str, str]) -> tuple[str, str]:
    """The newest run's owner and outcome."""
    with sqlite3.connect(Path(env["FOH_STATE"]) / "journal.sqlite", timeout=BOUND) as db:
        return tuple(db.execute("SELECT owner, outcome FROM run ORDER BY id DESC LIMIT 1").fetchone())


def process(env: Mapping[str, str]) -> psutil.Process:
    """The process that carries out the newest run."""
    return psutil.Process(int(row(env)[0].split()[1]))


@pytest.fixture(autouse=True)
def nothing_left(env: Mapping[str, str]) -> Iterator[None]:
    """Ends what a test that failed has left."""
    yield
    if (Path(env["FOH_STATE"]) / "journal.sqlite").exists() and lives(row(env)[0]):
        process(env).kill()


def burn_in(terminal: Terminal, device: Projector, held: str) -> None:
    """Begins the run from the screen; it is held in one of its steps."""
    device.held = held
    terminal.press("3", "a")
    terminal.wait_for("burn the lamp in")
    terminal.press("G", "enter")
    terminal.wait_for("Cancel")
    terminal.press("tab", "enter")
    until(lambda: held in device.obeyed)


@pytest.mark.parametrize("held", ORDERS)
@pytest.mark.parametrize("way", WAYS)
def test_it_goes_on_without_its_console_and_the_next_one_shows_it(
    device: Projector, env: Mapping[str, str], way: str, held: str
) -> None:
    number = ORDERS.index(held) + 1
    with opened(env) as terminal:
        burn_in(terminal, device, held)
        run = process(env)
        WAYS[way](terminal)
        terminal.ended()
        assert run.is_running()
        assert os.getsid(run.pid) == run.pid
        with opened(env) as after:
            after.wait_for(f"goes on: step {number} of 3")
            assert "(ann, since" in after.text
            device.let_go()
            after.wait_for("done: burn the lamp in")
            after.wait_gone("goes on: step")
        assert journal(env) == ["planned", "step", "step", "step", "done"], texts(env)
    assert device.obeyed == ORDERS
    assert device.lamp == 1334


def test_its_progress_and_outcome_are_on_the_screen_that_began_it(device: Projector, env: Mapping[str, str]) -> None:
    with opened(env) as terminal:
        burn_in(terminal, device, "burn 100")
        terminal.wait_for("step 2 of 3: burn the lamp in")
        device.let_go()
        terminal.wait_for("done: burn the lamp in")


@pytest.mark.parametrize("held", ORDERS)
def test_one_that_is_killed_is_resumed_and_nothing_is_done_twice(
    device: Projector, env: Mapping[str, str], held: str
) -> None:
    device.held = held
    with act(env, "burn-in", "--yes") as first:
        until(lambda: held in device.obeyed)
        process(env).kill()
        said, _ = first.communicate(timeout=BOUND)
        assert first.returncode == 1
        assert "its process was killed before this finished; its result is unknown" in said
    before = ORDERS[: ORDERS.index(held) + 1]
    device.let_go()
    until(lambda: device.done == before)
    with act(env, "resume", "--yes") as second:
        said, _ = second.communicate(timeout=BOUND)
    if held == "burn 100":
        assert "step 2 (burn the lamp in) may have been done, and must not be done twice" in said
        assert device.obeyed == before
        return
    assert second.returncode == 0, said
    assert device.obeyed == ORDERS + (["fan off"] if held == "fan off" else [])
    assert device.lamp == 1334
    assert row(env)[1] == "done"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_it_goes_on_without_the_command_that_began_it(
    device: Projector, env: Mapping[str, str], number: signal.Signals
) -> None:
    device.held = "burn 100"
    with act(env, "burn-in", "--yes") as first:
        until(lambda: device.held in device.obeyed)
        first.send_signal(number)
        first.wait(BOUND)
    assert lives(row(env)[0])
    with act(env, "power-on", "--yes") as other:
        said, _ = other.communicate(timeout=BOUND)
        assert "ann started 'burn the lamp in' here at" in said
    device.let_go()
    until(lambda: row(env)[1] == "done")
    assert device.obeyed == ORDERS


def test_a_run_that_is_told_to_end_is_unfinished(device: Projector, env: Mapping[str, str]) -> None:
    device.held = "burn 100"
    with act(env, "burn-in", "--yes") as first:
        until(lambda: device.held in device.obeyed)
        process(env).terminate()
        first.wait(BOUND)
    assert journal(env) == ["planned", "step", "step", "unknown"]


EMBEDDED = """
import sys
from msgspec import structs
from console import config
whole = config.load
config.load = lambda: structs.replace(whole(), embedded=True)
from console.cli import main
main()
"""


def test_in_a_venue_that_ends_with_its_console_it_ends_in_words(device: Projector, env: Mapping[str, str]) -> None:
    device.held = "burn 100"
    command = [sys.executable, "-c", EMBEDDED, "act", "projector/big", "burn-in", "--yes"]
    with subprocess.Popen(command, env={**os.environ, **env}, stdout=subprocess.PIPE) as console:
        until(lambda: device.held in device.obeyed)
        console.kill()
    until(lambda: row(env)[1])
    assert row(env)[1] == "unknown"
    assert any("the embedded venue ended with its console before this finished" in text for text in texts(env))


def test_one_that_cannot_be_started_is_said_to_have_failed(device: Projector, env: Mapping[str, str]) -> None:
    broken = "import sys; from console.cli import main; sys.executable = 'false'; main()"
    command = [sys.executable, "-c", broken, "act", "projector/big", "burn-in", "--yes"]
    said = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, timeout=BOUND)
    assert said.returncode == 1
    assert "failed: no process could be started for it" in said.stdout
    assert row(env)[1] == "failed"
    assert device.obeyed == []


def test_in_the_embedded_venue_it_works(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "console", "act", "--demo", "instance/encode1", "stop", "--yes"]
    env = {**os.environ, "FOH_STATE": str(tmp_path)}
    said = subprocess.run(command, env=env, capture_output=True, text=True, timeout=BOUND)
    assert said.returncode == 0, said.stdout + said.stderr
    with sqlite3.connect(tmp_path / "journal.sqlite") as db:
        ((owner, outcome),) = db.execute("SELECT owner, outcome FROM run").fetchall()
    assert outcome == "done"
    assert owner


@pytest.mark.parametrize("held", ORDERS)
def test_it_ends_after_the_step_that_it_is_in_when_it_is_cancelled(
    device: Projector, env: Mapping[str, str], held: str
) -> None:
    device.held = held
    number = ORDERS.index(held) + 1
    with act(env, "burn-in", "--yes") as first:
        until(lambda: device.held in device.obeyed)
        with act({**env, "USER": "eva"}, "cancel", "--yes") as second:
            said, _ = second.communicate(timeout=BOUND)
        device.let_go()
        ended, _ = first.communicate(timeout=BOUND)
    if number == len(ORDERS):
        assert second.returncode == 1
        assert "'burn the lamp in': its last step has begun: wait until it finishes" in said
        assert journal(env)[-1] == "done"
        return
    assert second.returncode == 0, said
    assert "'burn the lamp in' ends after the step that it is in" in said
    assert first.returncode == 1
    assert "cancelled by eva: done until then: switch the lamp off" in ended
    assert journal(env)[-2:] == ["cancel", "cancelled"]
    assert row(env)[1] == "cancelled"
    assert device.obeyed == ORDERS[:number]


def test_it_is_cancelled_from_the_next_console(device: Projector, env: Mapping[str, str]) -> None:
    device.held = "power off"
    with act(env, "burn-in", "--yes") as first:
        until(lambda: device.held in device.obeyed)
        first.kill()
    with opened(env) as terminal:
        terminal.wait_for("goes on: step 1 of 3")
        terminal.press("3", "a")
        terminal.wait_for("cancel: 'burn the lamp in', begun by ann")
        terminal.press("G", "enter")
        terminal.wait_for("ends after the step that it is in")
        device.let_go()
        terminal.wait_for("cancelled by ann: done until then: switch the lamp off")
        terminal.wait_gone("goes on: step")
    assert device.obeyed == ["power off"]
    assert row(env)[1] == "cancelled"


def test_one_whose_plan_does_not_say_so_is_not_cancelled(device: Projector, env: Mapping[str, str]) -> None:
    device.held = "power off"
    with act(env, "new-lamp", "--yes") as first:
        until(lambda: device.obeyed)
        with act(env, "cancel", "--yes") as second:
            said, _ = second.communicate(timeout=BOUND)
        assert second.returncode == 1
        assert "it cannot be cancelled, as its steps belong together: wait until it finishes" in said
        device.let_go()
        first.wait(BOUND)
    assert journal(env) == ["planned", "step", "step", "step", "done"]
    with act(env, "cancel", "--yes") as third:
        said, _ = third.communicate(timeout=BOUND)
    assert "it does not offer 'cancel', but:" in said


@pytest.mark.parametrize("given", [b"", b"{}", b"nonsense"])
def test_it_is_not_started_by_hand(given: bytes) -> None:
    command = [sys.executable, "-m", "console", "run", "1"]
    said = subprocess.run(command, input=given, capture_output=True, timeout=BOUND)
    assert said.returncode == USAGE
    assert said.stderr == b"foh run: only foh itself starts this, with its configuration on standard input\n"
