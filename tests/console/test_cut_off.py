"""Whatever becomes of a console in the middle of an action: there is an outcome, or the next console names what is
without one. On a pty, with a projector of a stranger's backend that answers when the test lets it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.patience import BOUND, until
from tests.projector.server import Projector, beside
from tests.terminal import FOH, Terminal


@pytest.fixture
def device() -> Iterator[Projector]:
    with beside() as projector:
        yield projector


@pytest.fixture
def env(device: Projector, tmp_path: Path) -> Mapping[str, str]:
    """Only the projector is found."""
    nothing = f'sysfs = "{tmp_path}/sys"\nevents = "unix:{tmp_path}/none"\n'
    (tmp_path / "venue.toml").write_text(
        f'host = "h"\n[names]\n"projector/127.0.0.1:{device.port}" = "big"\n'
        f'[projector]\nendpoints = ["127.0.0.1:{device.port}"]\n[usb]\n{nothing}[hdmi2usb]\n{nothing}'
        f'[alsa]\nproc = "{tmp_path}/proc"\nmixer = ["sh", "-c", "while read it; do :; done"]\n[pulse]\nown = false\n'
        f'[mopidy]\nendpoints = ["http://127.0.0.1:1"]\n[mpd]\nendpoints = ["127.0.0.1:1"]\n'
    )
    return {
        "FOH_VENUE": str(tmp_path / "venue.toml"), "FOH_STATE": str(tmp_path / "state"), "HOME": str(tmp_path),
        "USER": "ann", "SUDO_USER": "",
    }  # fmt: skip


RUN = {"planned", "step", "done", "failed", "cancel", "cancelled", "unknown", "settled"}


def journal(env: Mapping[str, str]) -> list[str]:
    """What it says of the projector, without the incidents."""
    with sqlite3.connect(Path(env["FOH_STATE"]) / "journal.sqlite", timeout=BOUND) as db:
        rows = db.execute("SELECT what FROM entry WHERE subject LIKE 'h/projector/%' ORDER BY id").fetchall()
    return [what for (what,) in rows if what in RUN]


def texts(env: Mapping[str, str]) -> list[str]:
    """What the journal says of it in words, for a test that fails."""
    with sqlite3.connect(Path(env["FOH_STATE"]) / "journal.sqlite", timeout=BOUND) as db:
        return [text for (text,) in db.execute("SELECT text FROM entry ORDER BY id").fetchall()]


PATIENT = (
    sys.executable,
    "-c",
    f"""
from console.venue import runs
runs.GRACE = {BOUND}
from console.cli import main
main()
""",
)  # the console, however busy this machine is


def opened(env: Mapping[str, str], argv: Sequence[str] = FOH) -> Terminal:
    terminal = Terminal(argv, 120, 36, env)
    terminal.wait_for("room 1")
    return terminal


ORDERS = ["power off", "reset", "fan off"]  # the steps of a new lamp


def new_lamp(terminal: Terminal, device: Projector, held: str) -> None:
    """Begins an action that is held in one of its steps."""
    device.held = held
    terminal.press("3", "a")
    terminal.wait_for("a new lamp is in")
    terminal.press("j", "enter")
    terminal.wait_for("Cancel")
    terminal.press("tab", "enter")
    until(lambda: held in device.obeyed)
    terminal.wait_gone("Cancel")


def steps(held: str) -> int:
    return ORDERS.index(held) + 1


KEYS = [["a", "escape"], ["enter", "escape"], ["m"], ["f"], ["?", "escape"], [":", "escape"], ["1", "z", "4"], ["q"]]
BURSTS = ["\ra\ra\r", "a\ra\ra\r", "a\r\r\ra\r\r", "\ra\ra\ra\ra\ra\r", "a\x1b[27u\x1b[27ua\r\x1b[27u"]


@pytest.mark.parametrize("held", ORDERS)
def test_no_key_ends_what_is_being_done(device: Projector, env: Mapping[str, str], held: str) -> None:
    """`q` last: it waits for it."""
    with opened(env, PATIENT) as terminal:
        new_lamp(terminal, device, held)
        for burst in BURSTS:
            os.write(terminal.master, burst.encode())
            terminal.settled()
            terminal.press("escape", "escape", "escape")
            terminal.settled()
        for keys in KEYS:
            terminal.press(*keys)
            terminal.settled()
        assert terminal.process.poll() is None
        assert journal(env) == ["planned", *["step"] * steps(held)]
        terminal.wait_for("finishing: a new lamp is in: set its hours to 0 big")
        device.let_go()
        assert terminal.ended() == 0
    assert journal(env) == ["planned", "step", "step", "step", "done"], texts(env)
    assert device.obeyed == ORDERS


WAYS: dict[str, Callable[[Terminal], object]] = {
    "q": lambda t: t.press("q"),
    "SIGTERM": lambda t: t.process.send_signal(signal.SIGTERM),
    "SIGHUP": lambda t: t.process.send_signal(signal.SIGHUP),
    "closed": Terminal.close,
    "SIGKILL": lambda t: t.process.kill(),
}
MILD = [way for way in WAYS if way != "SIGKILL"]


@pytest.mark.parametrize("way", MILD)
def test_what_can_be_finished_before_it_ends_is_finished(device: Projector, env: Mapping[str, str], way: str) -> None:
    with opened(env, PATIENT) as terminal:
        new_lamp(terminal, device, "power off")
        WAYS[way](terminal)
        if way != "closed":
            terminal.wait_for("finishing: a new lamp is in: set its hours to 0 big")
        device.let_go()
        terminal.ended()
        assert journal(env) == ["planned", "step", "step", "step", "done"], texts(env)
        assert way == "closed" or terminal.left_on == []


@pytest.mark.parametrize("held", ORDERS)
@pytest.mark.parametrize("way", WAYS)
def test_what_cannot_be_finished_is_named_by_the_next_console(
    device: Projector, env: Mapping[str, str], way: str, held: str
) -> None:
    begun = ["planned", *["step"] * steps(held)]
    with opened(env) as terminal:
        new_lamp(terminal, device, held)
        WAYS[way](terminal)
        terminal.ended()
        assert journal(env) == [*begun, *(["unknown"] if way != "SIGKILL" else [])]
    device.let_go()
    with opened(env) as terminal:
        terminal.wait_for("set its hours to 0' was interrupted")
        assert journal(env) == [*begun, "unknown"]
        terminal.press("3", "a")
        terminal.wait_for("resume: a new lamp is in")
        terminal.press("G", "enter")  # mark as handled
        terminal.wait_gone("mark as handled")
        until(lambda: journal(env)[-1] == "settled")
    assert device.obeyed == ORDERS[: steps(held)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_the_same_without_a_screen(device: Projector, env: Mapping[str, str], number: signal.Signals) -> None:
    device.held = "power off"
    command = [sys.executable, "-m", "console", "act", "projector/big", "power-off", "--yes"]
    with subprocess.Popen(command, env={**os.environ, **env}, stdout=subprocess.PIPE) as act:
        until(lambda: device.obeyed)
        act.send_signal(number)
        code = act.wait(BOUND)
    killed = number is signal.SIGKILL
    assert code == (-number if killed else 128 + number)
    assert journal(env) == ["planned", "step", *([] if killed else ["unknown"])]
    device.let_go()
    status = [sys.executable, "-m", "console", "status"]
    said = subprocess.run(status, env={**os.environ, **env}, capture_output=True, text=True, timeout=BOUND)
    assert "'lamp off' was interrupted" in said.stdout


def act(env: Mapping[str, str], *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "console", "act", "projector/big", *arguments]
    return subprocess.Popen(
        command, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("held", ORDERS)
def test_it_is_resumed_and_nothing_is_done_twice_that_must_not_be(
    device: Projector, env: Mapping[str, str], held: str, number: signal.Signals
) -> None:
    device.held = held
    with act(env, "new-lamp", "--yes") as first:
        until(lambda: held in device.obeyed)
        first.send_signal(number)
        first.wait(BOUND)
    before = ORDERS[: ORDERS.index(held) + 1]
    assert device.obeyed == before
    device.let_go()  # what was held is done now, though nobody waits for it
    until(lambda: device.done == before)
    with act(env, "resume", "--yes") as second:
        said, _ = second.communicate(timeout=BOUND)
    if held == "reset":  # the projector cannot tell whether it was done
        assert second.returncode == 1
        assert "step 2 (set its hours to 0) may have been done, and must not be done twice" in said
        assert device.obeyed == before
        assert journal(env)[-1] == "unknown"
        return
    assert second.returncode == 0, said
    assert "resume: a new lamp is in" in said
    # What the projector says is done is not repeated; the fan, of which it cannot tell, is.
    assert device.obeyed == ORDERS + (["fan off"] if held == "fan off" else [])
    assert journal(env)[-1] == "done"
    status = [sys.executable, "-m", "console", "status"]
    left = subprocess.run(status, env={**os.environ, **env}, capture_output=True, text=True, timeout=BOUND)
    assert "was interrupted" not in left.stdout


def test_it_is_resumed_from_the_screen(device: Projector, env: Mapping[str, str]) -> None:
    device.held = "power off"
    with act(env, "new-lamp", "--yes") as first:
        until(lambda: device.obeyed)
        first.kill()
    device.let_go()
    with opened(env) as terminal:
        terminal.wait_for("was interrupted")
        terminal.press("3", "a")
        terminal.wait_for("resume: a new lamp is in")
        terminal.press("enter")
        terminal.wait_for("Cancel")
        assert "step 1 " in terminal.text
        terminal.press("tab", "enter")
        terminal.wait_for("done: resume")
        terminal.wait_gone("was interrupted")
        until(lambda: journal(env)[-1] == "done")
    assert device.obeyed == ORDERS


@pytest.mark.parametrize("place", ["i", "1", "3", "4", "3\r", "3a", "if"])
def test_a_burst_of_keys_does_not_end_it(tmp_path: Path, place: str) -> None:
    with Terminal([*FOH, "demo", "--still"], env={"FOH_STATE": str(tmp_path)}) as terminal:
        terminal.wait_for("2 CRIT")
        for burst in BURSTS:
            terminal.press("\x1b[27u", "\x1b[27u", "\x1b[27u", place)
            terminal.settled()
            os.write(terminal.master, burst.encode())
            terminal.settled()
            assert terminal.process.poll() is None, burst
        terminal.press("\x1b[27u", "\x1b[27u", "\x1b[27u")
        terminal.settled()
        terminal.press("q")
        assert terminal.ended() == 0
