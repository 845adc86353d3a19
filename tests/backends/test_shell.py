"""What is shown as a command can be pasted: a real shell gives the program exactly the words that were meant."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.audio import controls, restart, systemd
from backends.audio.mopidy.source import _curl
from backends.audio.mpd import model as mpd
from backends.audio.pulse import model as pulse
from backends.audio.pulse.lines import ServerReport, SinkInput
from backends.capture import voctomix
from backends.capture.voctoline import CoreState
from backends.containers import actions
from backends.containers.model import Place, show_log
from backends.contract import Id, Offer, Plan, Remedy, Step, clean
from backends.hardware import identify, replug
from backends.kinds import Board, Control, Instance
from backends.shell import LONGEST, guarded, quoted, rows, shell
from backends.sudo import install_command
from backends.testing.payloads import PAYLOADS
from console.line import plain
from console.panes.plan import lines
from console.panes.text import PROMPT
from console.venue.incidents import command

VALUES = {
    **{name: text[:40].replace("\0", "") for name, text in PAYLOADS.items()},
    "semicolon": "; touch X;", "quote": "'; touch X; '", "double": '"; touch X; "',
    "substitution": "$(touch X)`touch X`",
    "newline": "a\ntouch X\n", "newlines": "\n\n", "dash": "-rf", "long option": "--help",
    "backslash": "a\\", "blank": " a  b ",
    "history": "!!", "home": "~root", "glob": "*", "comment": "# x", "assignment": "PATH=/x", "equals": "=ls",
    "wide": "'日本語 " * 20, "long quotes": "'; touch X; '" * 12, "not utf-8": "a\udcffb", "percent": "%n%s",
}  # fmt: skip
STUB = '#!/bin/sh\nfor each in "$0" "$@"; do printf "%s\\0" "$each"; done >>"$SEEN"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with stand-ins for every program, which write their words to the file `seen`."""
    for name in ["amixer", "bash", "curl", "env", "foh", "lxc", "mpc", "pactl", "sh", "speaker-test", "sudo", "tee"]:
        (tmp_path / name).write_text(STUB)
        (tmp_path / name).chmod(0o755)
    return tmp_path


def run(folder: Path, text: str, sh: str = "sh") -> list[str]:
    """The words that the stand-ins got from this text, in a shell; their program's name first."""
    env = {"PATH": str(folder), "SEEN": str(folder / "seen")}
    (folder / "seen").unlink(missing_ok=True)
    ran = subprocess.run([f"/bin/{sh}"], input=os.fsencode(text), env=env, cwd=folder, capture_output=True, check=False)
    assert ran.stderr == b"", (text, ran.stderr)
    assert not (folder / "X").exists(), text
    *words, _ = (folder / "seen").read_bytes().split(b"\0")
    return [Path(os.fsdecode(words[0])).name, *map(os.fsdecode, words[1:])]


def pasted(shown: Sequence[str]) -> str:
    """What is pasted of what is shown: all rows of the command, without the prompt."""
    begin = next(at for at, row in enumerate(shown) if row.startswith(PROMPT))
    end = next((at for at, row in enumerate(shown[begin:], begin) if not row.endswith("\\")), len(shown))
    return "\n".join(shown[begin : end + 1]).removeprefix(PROMPT) + "\n"


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("sh", ["sh", "bash"])
def test_any_word_arrives_as_it_is(folder: Path, name: str, sh: str) -> None:
    value = VALUES[name]
    if sh == "sh" and value.endswith("\n"):
        value += "."  # a line break at the end needs $'\n', which bash and zsh have
    argv = ("curl", value, "x", value + "x", value)
    for width in (40, 80, 100_000):
        shown = rows(argv, width)
        assert all(row.isprintable() for row in shown)
        assert len(shown) == 1 or all(len(row) <= width for row in shown)
        assert run(folder, "\n".join(shown) + "\n", sh) == list(argv)
    assert run(folder, shell(argv) + "\n", sh) == list(argv)


WORD = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=25)  # four fit into LONGEST


@given(st.lists(WORD, min_size=1, max_size=4))
def test_rows_are_the_same_command_as_one_line(words: list[str]) -> None:
    for width in (40, 60):
        whole = "\n".join(rows(("x", *words), width))
        assert all(row.isprintable() for row in whole.split("\n"))
        ran = subprocess.run(
            ["bash", "-c", f"x() {{ printf '%s\\0' \"$@\"; }}\n{whole}"], capture_output=True, check=True
        )
        assert ran.stdout == b"".join(word.encode() + b"\0" for word in words)


def test_a_command_that_is_too_long_is_not_shown_in_part() -> None:
    (row,) = rows(("curl", "x" * LONGEST), 80)
    assert row.startswith("# a command of ")
    assert rows((), 80) == []


# --- every backend's commands -----------------------------------------------------------------------------


def steps(value: str) -> dict[str, Step]:
    """A step of every backend in which this text comes from outside."""
    place = Place("h", "alpha", f"/run/{value}")
    server = ServerReport(value, 1, {value: 1, "other": 2}, (SinkInput(7, "other", value),))
    stream, *_ = pulse.streams("h", value, server, {}, 0.0)
    core = CoreState(a="x", sources=(value,), stream="live")
    board = Board(id=Id("h", "board", value), name=value, ids="08bb:27c5", card=value, named="none", rule="none")
    instance = Instance(
        id=Id("h", "instance", value.replace("/", "")), name=clean(value), state="Running", snapshots=()
    )
    unit = systemd.Unit("mopidy@bar.service")
    fader = controls.Fader(value, value, 0, (value,), 50, 0.0, False, 64)
    control = Control(id=Id("h", "control", value), name=value, level=50, mute=False)
    plans: dict[str, Plan] = {
        "alsa": controls.plan(Offer(control.id, "mute", ""), {}, fader, control),
        "pulse": pulse.plan(Offer(stream.id, "move", ""), {"sink": clean(value)}, "h", value, server, 0.0),
        "lxd": actions.plan(place, instance, value, Offer(instance.id, "unfreeze", ""), {}, 0.0),
        "identify": identify.plan(Offer(board.id, "identify", ""), board, False),
        "replug": replug.plan(Offer(board.id, "replug", ""), board, Path("/sys") / value),
    }
    found = {name: plan.steps[0] for name, plan in plans.items()}
    if "\n" not in value:
        mixer = Id("h", "mixer", "x")
        found["voctomix"] = voctomix.plan(mixer, "127.0.0.1:1", core, "cut-a", {"source": value}, 0.0).steps[0]
    found["mopidy"] = Step("x", {}, _curl("http://127.0.0.1:6680", "core.tracklist.add", {"uris": [value]}))
    found["mpd"] = mpd.step("127.0.0.1:6600", ("setvol", value))
    found["restart"] = restart.step(unit, True, systemd.UnitStatus(unit.name))
    found["capture"] = Step("look", {}, ("env", value))
    return found


@pytest.mark.parametrize("name", VALUES)
def test_a_plan_s_commands_can_be_pasted(folder: Path, name: str) -> None:
    for backend, step in steps(VALUES[name]).items():
        for width in (60, 100):
            shown = [
                plain(line) for line in lines(Plan(Offer(Id("h", "k", "x"), "a", "a"), {}, (step,), ()), "x", width)
            ]
            if any(row.startswith(f"{PROMPT}#") for row in shown):
                continue
            assert run(folder, pasted(shown), "bash") == list(step.argv), backend


@pytest.mark.parametrize("name", VALUES)
def test_a_script_within_a_command_keeps_its_words(folder: Path, name: str) -> None:
    value = VALUES[name]
    found = steps(value)
    if "voctomix" in found:
        assert found["voctomix"].argv[2].startswith(f"printf '%s\\n' {quoted(f'set_video_a {value}')} > /dev/tcp/")
    script = found["replug"].argv[-1].replace("echo 0 >", "tee ").partition("; sleep")[0]
    assert run(folder, script, "bash") == ["tee", str(Path("/sys") / value / "authorized")]


@pytest.mark.parametrize("name", VALUES)
def test_a_remedy_s_command_can_be_pasted(folder: Path, name: str) -> None:
    value = VALUES[name]
    argv = command(Remedy("", "level", Id("h", "control", value), {"percent": value}))
    assert argv == ("foh", "act", f"control/{clean(value)}", "level", f"percent={value}")
    assert run(folder, shell(argv), "bash") == list(argv)
    instance = Id("h", "instance", value.replace("/", ""))
    assert run(folder, show_log(instance)[1:-1], "bash")[-1] == instance.local


def test_what_looks_like_an_option_is_none() -> None:
    assert guarded("a", "-b") == ("--", "a", "-b")
    assert guarded("a", "b-") == ("a", "b-")
    found = steps("-rf")
    assert found["alsa"].argv == ("amixer", "-D", "-rf", "--", "sset", "-rf", "mute")
    assert found["pulse"].argv == ("pactl", "-s", "-rf", "--", "move-sink-input", "7", "-rf")
    assert found["lxd"].argv[-2:] == ("--", "-rf")


def test_the_doctor_s_command_can_be_pasted(folder: Path) -> None:
    assert run(folder, install_command("o'p; touch X"))[-2:] == ["--install-helper", "o'p; touch X"]
