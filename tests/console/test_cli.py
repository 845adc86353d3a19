"""The plain commands, as a shell meets them: one process each."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from console.cli import USAGE, on_the_rig, parser
from console.venue.report import schema
from tests.patience import BOUND

SCHEMA = Path(__file__).parent.parent.parent / "docs/status.schema.json"
FOH = [sys.executable, "-c", "from console.cli import main; main()"]


def foh(tmp_path: Path, *args: str, venue: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "venue.toml"
    if not file.exists() or venue:
        file.write_text(venue)
    env = {**os.environ, "FOH_VENUE": str(file), "FOH_STATE": str(tmp_path / "state"), **environ}
    return subprocess.run(
        [*FOH, *args], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=BOUND, check=False
    )


def imported(code: str) -> set[str]:
    said = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in said.stdout.split()}


def test_the_schema_in_docs_is_the_report_s() -> None:
    assert json.loads(SCHEMA.read_text()) == json.loads(json.dumps(schema()))


# A machine that has nothing: no USB, no cards, a mixer child that knows of no control.
NOTHING = """
[usb]
sysfs = "/nowhere"
[hdmi2usb]
sysfs = "/nowhere"
[alsa]
proc = "/nowhere"
mixer = ["sh", "-c", "while echo '{\\"controls\\": []}'; do sleep 1; done"]
[lxd]
sockets = []
"""
NOBODY = NOTHING + '[mopidy]\nendpoints = ["http://127.0.0.1:1"]\n'


@pytest.mark.parametrize(
    ("venue", "args", "code", "status"),
    [
        ("", ("--demo",), 1, "warning"),  # the office's amplifier never sleeps
        (NOTHING + "[mopidy]\nprocesses = false\n", (), 3, "unknown"),
        (NOBODY, (), 2, "critical"),
    ],
)
def test_status_says_it_in_a_code_in_json_and_in_words(
    tmp_path: Path, venue: str, args: tuple[str, ...], code: int, status: str
) -> None:
    said = foh(tmp_path, "status", "--json", *args, venue=venue)
    report = json.loads(said.stdout)
    jsonschema.validate(report, json.loads(SCHEMA.read_text()))
    assert (said.returncode, report["status"], said.stderr) == (code, status, "")
    words = foh(tmp_path, "status", *args)
    assert words.returncode == code
    assert words.stdout.startswith(status.upper())
    if args:
        assert {kind: len(found) for kind, found in report["resources"].items()}["zone"] == 9
        assert any(r["state"] == "playing" for r in report["resources"]["zone"])


def test_act_shows_its_plan_does_it_checks_it_and_refuses_what_is_so(tmp_path: Path) -> None:
    shown = foh(tmp_path, "act", "zone/bar", "volume", "percent=33", "--demo")
    assert "core.mixer.set_volume" in shown.stdout
    assert "nothing done" in shown.stdout
    done = foh(tmp_path, "act", "zone/bar", "volume", "percent=33", "--demo", "--yes")
    assert (done.returncode, done.stdout.splitlines()[-1][:5]) == (0, "done:")
    same = foh(tmp_path, "act", "zone/bar", "volume", "percent=40", "--demo", "--yes")
    assert (same.returncode, same.stderr) == (1, "not done: the volume is already 40 %\n")
    mute = foh(tmp_path, "act", "zone/bar", "mute", "--demo", "--yes")  # along the chain: the ALSA mixer's
    assert mute.returncode == 0, mute.stderr
    assert "hw:bar" in mute.stdout


@pytest.mark.parametrize("how", ["flag", "environment"])
def test_read_only_refuses_every_action(tmp_path: Path, how: str) -> None:
    flag, env = (["--read-only"], {}) if how == "flag" else ([], {"FOH_READ_ONLY": "1"})
    said = foh(tmp_path, *flag, "act", "zone/bar", "mute", "--demo", "--yes", **env)
    assert (said.returncode, said.stderr) == (1, "not done: read-only: nothing can be changed from here\n")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("act", "zone/nowhere", "mute", "--demo"), "nothing here is called 'zone/nowhere'"),
        (("act", "zone/bar", "volume", "--demo"), "volume needs percent=…"),
        (("act", "zone/bar", "volume", "percent=\x1b[2J", "--demo"), "not '␛[2J'"),
        (("act", "zone/bar", "volume", "40", "--demo"), "NAME=VALUE"),
        (("bogus\x1b[2J",), "invalid choice"),
        (("status", "--jsno"), "unrecognized arguments: --jsno"),
        ((), "not a terminal"),
        (("demo",), "not a terminal"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path: Path, args: tuple[str, ...], says: str) -> None:
    said = foh(tmp_path, *args)
    assert said.returncode != 0
    assert says in said.stderr
    assert "Traceback" not in said.stderr
    assert "\x1b" not in said.stderr + said.stdout


def test_what_does_not_answer_is_waited_for_as_long_as_is_asked(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        venue = f'[mopidy]\nendpoints = ["http://127.0.0.1:{silent.getsockname()[1]}"]\nprocesses = false\n'
        states = [
            {
                source["state"]
                for source in json.loads(foh(tmp_path, "status", "--json", *wait, venue=venue).stdout)["sources"]
            }
            for wait in (("--wait=0.1",), ("--wait=20",))
        ]
    assert ("hung" in states[0], "hung" in states[1]) == (False, True)


def test_what_is_not_found_may_be_behind_a_source_that_does_not_answer(tmp_path: Path) -> None:
    said = foh(tmp_path, "act", "zone/bar", "play", venue='[mopidy]\nendpoints = ["http://127.0.0.1:9"]\n')
    assert said.returncode == 64
    assert "mopidy 127.0.0.1:9 could not be read: " in said.stderr


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_a_mistake_in_the_venue_file_is_one_sentence(tmp_path: Path, command: str) -> None:
    said = foh(tmp_path, command, venue="host = 'a'\n[mopidy]\nendpoint = []\n")
    assert said.stderr == f"foh: {tmp_path}/venue.toml:3: unknown key `endpoint`; expected endpoints, processes\n"
    assert said.returncode == 64


def test_init_writes_what_is_seen_and_status_misses_what_is_gone(tmp_path: Path) -> None:
    said = foh(tmp_path, "init", "--demo").stdout
    assert "nothing written" in said
    assert "foh act board/1-1.1 name-card name=bar" in said
    assert foh(tmp_path, "init", "--demo", "--yes").returncode == 0
    written = (tmp_path / "venue.toml").read_text()
    assert '"venue1/board/1-1.3.2"' in written
    assert "venue1/control" not in written
    report = json.loads(foh(tmp_path, "status", "--json").stdout)
    gone = {i["root"] for i in report["incidents"]} | set(report["gone"])
    assert "venue1/board/1-1.3.2" in gone
    assert any(i["code"] == "USB-HUB-GONE" for i in report["incidents"])  # with all the boards behind it


def test_doctor_names_every_backend_and_says_what_is_missing(tmp_path: Path) -> None:
    said = foh(tmp_path, "doctor", venue="[usb]\nsysfs = '/nowhere'\n")
    assert {"alsa", "hdmi2usb", "lxd", "mopidy", "usb", "voctomix"} <= set(said.stdout.splitlines())
    assert "MISSING  a USB bus" in said.stdout
    assert said.returncode == 1


def test_version_help_and_completion(tmp_path: Path) -> None:
    assert foh(tmp_path, "--version").stdout.startswith("foh ")
    assert "usage: foh" in foh(tmp_path, "--help").stdout
    for shell in ("bash", "zsh", "tcsh"):
        assert "status" in foh(tmp_path, "completion", shell).stdout


def test_the_light_commands_import_no_screen_and_no_client() -> None:
    heavy = {"textual", "rich", "httpx", "websockets", "usb", "msgspec", "asyncio"}
    assert not imported("import console.cli, console.terminal") & heavy
    assert not imported("import console.plain") & {"textual", "httpx"}


def test_the_rig_is_in_the_checkout_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert on_the_rig(parser().parse_args(["demo", "--rig"]), tmp_path) == USAGE
    assert "tests/rig is missing: `foh demo --rig` needs a checkout of the project" in capsys.readouterr().err
