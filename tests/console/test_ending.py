"""However the console ends, it is gone and leaves nothing: proved on a pty, on the embedded venue and while what it
watches hangs. (How soon it is gone: `make bench`.)"""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil
import pytest

from tests.terminal import FOH, Terminal

BROKEN = """
import sys, os
from {module} import {name} as whole
import {module}
def broken(*args, **options):
    if os.path.exists(sys.argv[1]):
        raise RuntimeError("boom " + "bang")
    return whole(*args, **options)
{module}.{name} = broken
from console.cli import main
main(sys.argv[2:])
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder in which a Mopidy and an LXD take connections and never answer."""
    (tmp_path / "tmp").mkdir()
    with contextlib.ExitStack() as stack:
        mopidy = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        lxd = stack.enter_context(socket.socket(socket.AF_UNIX))
        lxd.bind(str(tmp_path / "lxd.socket"))
        lxd.listen()
        (tmp_path / "venue.toml").write_text(
            f'[mopidy]\nendpoints = ["http://127.0.0.1:{mopidy.getsockname()[1]}"]\n'
            f'[lxd]\nsockets = ["{tmp_path}/lxd.socket"]\n'
        )
        yield tmp_path


def environment(place: Path) -> Mapping[str, str]:
    return {
        "HOME": str(place),
        "TMPDIR": str(place / "tmp"),
        "PULSE_RUNTIME_PATH": str(place / "pulse"),  # else a sound library makes itself one in TMPDIR, for good
        "FOH_VENUE": str(place / "venue.toml"),
        "FOH_STATE": str(place / "state"),
    }


@contextlib.contextmanager
def running(
    place: Path, world: str, argv: Sequence[str] = FOH, ignore: signal.Signals | None = None
) -> Iterator[Terminal]:
    """On the embedded venue, or where a Mopidy and an LXD hang just now. A demo has its state in its own folder."""
    env = dict(environment(place))
    if world == "demo":
        argv, env["FOH_STATE"] = [*argv, "demo"], ""
    with Terminal(argv, env=env, ignore=ignore) as terminal:
        terminal.wait_for("sources 17/17" if world == "demo" else "does not answer")
        yield terminal


def gone(terminal: Terminal, place: Path, reason: Callable[[], object]) -> int:
    """Gives the reason to end; the exit status, once it is proved that nothing is left."""
    ports, pids = terminal.listening(), terminal.alive()
    reason()
    code = terminal.ended()
    terminal.until(lambda: not terminal.alive())
    assert pids
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
    assert list((place / "tmp").iterdir()) == []
    return code


WAYS: dict[str, tuple[Callable[[Terminal], object], int]] = {
    "q": (lambda t: t.press("q"), 0),
    "ctrl+c": (lambda t: t.press("ctrl+c"), 0),
    "SIGTERM": (lambda t: t.process.send_signal(signal.SIGTERM), 143),
    "SIGHUP": (lambda t: t.process.send_signal(signal.SIGHUP), 129),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("world", ["demo", "hung"])
def test_it_ends_and_gives_the_terminal_back(place: Path, world: str, way: str) -> None:
    reason, code = WAYS[way]
    with running(place, world) as terminal:
        assert terminal.left_on
        assert gone(terminal, place, lambda: reason(terminal)) == code
        assert terminal.left_on == []


@pytest.mark.parametrize("ignore", [None, signal.SIGHUP], ids=["", "under nohup"])
@pytest.mark.parametrize("world", ["demo", "hung"])
def test_it_ends_with_its_terminal(place: Path, world: str, ignore: signal.Signals | None) -> None:
    with running(place, world, ignore=ignore) as terminal:
        assert gone(terminal, place, terminal.close) == 129


def look_away(terminal: Terminal, *last: str) -> None:
    """More is painted than any terminal keeps, and all keys are obeyed, these after all others."""
    for _ in range(80):
        terminal.press("z")  # not Escape: a key that follows it too soon is taken for one with Alt
        terminal.settled(looks=1)
    terminal.press(*last)
    terminal.settled()


@pytest.mark.parametrize("way", ["q", "SIGTERM", "closed"])
def test_it_ends_though_its_terminal_takes_nothing(place: Path, way: str) -> None:
    """As over a line that is dead and not cut yet, or is cut after a while."""
    reason, code = WAYS.get(way, (Terminal.close, 129))
    with running(place, "demo") as terminal, terminal.stalled():
        look_away(terminal)
        assert gone(terminal, place, lambda: reason(terminal)) == code


def test_what_a_terminal_has_missed_is_painted_when_it_goes_on(place: Path) -> None:
    """A pane, zoomed into while nothing was taken: the last thing missed."""
    with Terminal([*FOH, "demo", "--still"], env={**environment(place), "FOH_STATE": ""}) as terminal:
        terminal.wait_for("sources 17/17")
        terminal.wait_for("2 CRIT  3 warn")
        terminal.press("4", "z")
        terminal.wait_gone("audio zones")
        terminal.settled()
        zoomed = ageless(terminal)
        terminal.press("z")
        terminal.wait_for("audio zones")
        with terminal.stalled():
            look_away(terminal, "z")
        terminal.until(lambda: ageless(terminal) == zoomed)


def ageless(terminal: Terminal) -> list[str]:
    """The screen below the clock, without ages."""
    return [re.sub(r" +\d+[smhd]\b", "", line) for line in terminal.screen()[1:]]


def test_a_signal_before_anything_is_read(place: Path) -> None:
    with Terminal([*FOH, "demo"], env={**environment(place), "FOH_STATE": ""}) as terminal:
        terminal.wait_for("reading")
        code = gone(terminal, place, lambda: terminal.process.send_signal(signal.SIGTERM))
        assert code in (143, -signal.SIGTERM)
        assert terminal.left_on == []


@pytest.mark.parametrize(
    ("module", "name", "keys"),
    [
        ("console.panes.resources", "rows", ["4"]),
        ("console.panes.incidents", "rows", ["z"]),
        ("console.panes.header", "header", ["z"]),
        ("console.panes.proof", "rows", ["i", "enter"]),
        ("console.panes.help", "rows", ["?"]),
    ],
)
@pytest.mark.parametrize("world", ["demo", "hung"])
def test_a_crash_in_a_pane_ends_it_with_its_traceback(
    place: Path, world: str, module: str, name: str, keys: list[str]
) -> None:
    trigger = place / "broken"
    argv = [sys.executable, "-c", BROKEN.format(module=module, name=name), str(trigger)]
    with running(place, world, argv) as terminal:
        *there, last = keys
        if there:
            terminal.press(*there)
            terminal.settled()

        def crash() -> None:
            trigger.touch()
            terminal.press(last)

        code = gone(terminal, place, crash)
        assert code not in (0, None)
        assert terminal.left_on == []
        assert b"boom bang" in terminal.raw


@pytest.mark.parametrize(
    ("module", "name"),
    [("console.session", "open_session"), ("console.app", "Foh"), ("console.terminal", "first_frame")],
)
def test_a_crash_during_the_start(place: Path, module: str, name: str) -> None:
    (place / "broken").touch()
    argv = [sys.executable, "-c", BROKEN.format(module=module, name=name), str(place / "broken"), "demo"]
    with Terminal(argv, env={**environment(place), "FOH_STATE": ""}) as terminal:
        assert terminal.ended() not in (0, None)
        terminal.until(lambda: not terminal.alive())
        assert terminal.left_on == []
        assert b"boom bang" in terminal.raw
        assert list((place / "tmp").iterdir()) == []


def test_killed_outright_it_takes_its_children_with_it(place: Path) -> None:
    with running(place, "demo") as terminal:
        children = [pid for pid in terminal.alive() if pid != terminal.process.pid]
        assert children
        assert gone(terminal, place, terminal.process.kill) == -signal.SIGKILL
        terminal.until(lambda: not terminal.alive() and not any(Path(f"/proc/{pid}").exists() for pid in children))


STUCK = """
import sys
import console.panes.help
def stuck(*args):
    while True:
        pass
console.panes.help.rows = stuck
from console.cli import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_it_ends_though_its_event_loop_never_has_a_turn_again(place: Path, number: signal.Signals) -> None:
    with running(place, "demo", [sys.executable, "-c", STUCK]) as terminal:
        terminal.press("?")
        program = psutil.Process(terminal.process.pid)
        terminal.until(lambda: program.cpu_percent() > 50)
        terminal.process.send_signal(number)
        assert terminal.ended() == 128 + number
        assert terminal.left_on == []
