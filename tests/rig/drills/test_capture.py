"""Capture boards: named by their mode; the one that works gives pictures, and its firmware tells of its HDMI signal."""

from __future__ import annotations

import contextlib
import itertools
import re
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from backends.demo.firmware import FIRST, SECOND, THIRD
from tests.patience import BOUND, HEARD, IDLE, elapse, until
from tests.rig.devices.video import BLACK, FROZEN, MOVING, NOTHING, RED
from tests.rig.drills.capturing import SIZE, Console, brightness, pictures
from tests.rig.drills.console import Foh
from tests.rig.drills.venue import Venue, has_driver, settle
from tests.terminal import Terminal

OPSIS, ATLYS = "Numato Opsis", "Digilent Atlys"
WORKING = {"opsis": (OPSIS, 12), "atlys": (ATLYS, 13)}
PORTS = (10, 11, 14, 15)  # that are free
MODES = {
    "opsis-unconfigured": (OPSIS, "unconfigured"), "opsis-bare": (OPSIS, "unconfigured"), "opsis-jtag": (OPSIS, "jtag"),
    "opsis-eeprom": (OPSIS, "eeprom"), "opsis-serial": (OPSIS, "serial"), "opsis-test-serial": (OPSIS, "test-serial"),
    "opsis-test-audio": (OPSIS, "test-audio"), "opsis-test-uvc": (OPSIS, "test-uvc"), "opsis-ixo": (OPSIS, "jtag"),
    "atlys-maker": (ATLYS, "unconfigured"), "atlys-unconfigured": (ATLYS, "unconfigured"),
    "atlys-jtag": (ATLYS, "jtag"), "atlys-test": (ATLYS, "test"), "atlys-test-uvc": (ATLYS, "test-uvc"),
    "atlys-ixo": (ATLYS, "jtag"),
}  # fmt: skip
RELATIVES = ("expansion", "uart")  # which are no capture boards


@pytest.fixture
def opsis(calm: Venue) -> Venue:
    """An Opsis at work, which its drivers have taken."""
    plugged(calm, "opsis", 12)
    return calm


def plugged(venue: Venue, name: str, port: int) -> None:
    venue.plug(name)
    until(lambda: has_driver(port, "video4linux") and has_driver(port, "tty"))
    settle()


def test_boards_at_work_are_named_with_their_nodes(opsis: Venue, foh: Foh) -> None:
    plugged(opsis, "atlys", 13)
    report = foh.status()
    assert report.incidents == []
    for model, port in WORKING.values():
        row = report.rows("capture")[f"1-{port}"]
        assert (row["model"], row["mode"], row["speed"]) == (model, "operational", 480)
        assert Path("/sys/class/video4linux", Path(row["video"]).name, "device").resolve().name == f"1-{port}:1.2"
        assert Path("/sys/class/tty", Path(row["console"]).name, "device").resolve().name == f"1-{port}:1.0"


@pytest.mark.long
def test_each_mode_that_captures_nothing_is_named(calm: Venue, foh: Foh) -> None:
    names = [*MODES, *RELATIVES]
    with foh.console() as console:
        for at in range(0, len(names), len(PORTS)):
            there = dict(zip(PORTS, names[at : at + len(PORTS)], strict=False))
            for port, name in there.items():
                calm.plug(name, port)
            report = foh.status()
            boards = {port: MODES[name] for port, name in there.items() if name in MODES}
            assert {
                port: (row["model"], row["mode"]) for port, row in report.rows("capture").items()
            } == {f"1-{port}": board for port, board in boards.items()}  # fmt: skip
            assert report.incidents == [("CAPTURE-NOT-OPERATIONAL", f"rig/capture/1-{port}") for port in sorted(boards)]
            for port, (model, mode) in boards.items():
                name = f"{model.split()[-1].lower()} 1-{port}"
                console.wait_for(f"{name} captures nothing: it is in {mode} mode")
            for name in there.values():
                calm.unplug(name)


def video(foh: Foh) -> str:
    return str(foh.status().rows("capture")["1-12"]["video"])


@pytest.mark.long
def test_pictures_arrive_as_they_were_sent(opsis: Venue, foh: Foh, tmp_path: Path) -> None:
    sent, device = opsis.ask("pictures", name="opsis"), video(foh)
    assert len(set(sent[MOVING])) == len(sent[MOVING]) > 1
    moving = [sha256(each).hexdigest() for each in pictures(device, 30, tmp_path)]
    assert set(moving) == set(sent[MOVING])
    assert all(one != next for one, next in itertools.pairwise(moving))
    opsis.ask("show", name="opsis", what=FROZEN)
    assert len(set(pictures(device, 10, tmp_path))) == 1
    for what, mean in ((RED, 84), (BLACK, 16)):
        opsis.ask("show", name="opsis", what=what)
        (shown,) = set(pictures(device, 5, tmp_path))
        assert [sha256(shown).hexdigest()] == sent[what]
        assert brightness(shown, tmp_path) == pytest.approx((mean, 0), abs=4)
    opsis.ask("show", name="opsis", what=NOTHING)
    with pytest.raises(subprocess.TimeoutExpired):
        pictures(device, 1, tmp_path, deadline=HEARD)


@pytest.mark.long
def test_the_console_answers_in_each_generation_until_it_hangs(opsis: Venue, foh: Foh) -> None:
    with Console(str(foh.status().rows("capture")["1-12"]["console"])) as console:
        for generation, well, lost in (
            (FIRST, "dvi_in: 1280x720", "dvi_in: 0x0"),
            (SECOND, "input1:  1280x720 (@ 74249 kHz)", "input1:  0x0 (@ 0 kHz)"),
            (THIRD, "input1:  1280x720 (@74.25 MHz) (capturing)", "input1:  0x0 (@0.00 MHz) (capturing)"),
        ):
            opsis.ask("firmware", name="opsis", generation=generation)
            opsis.ask("show", name="opsis", what=MOVING)
            assert well in console.ask("status")
            opsis.ask("show", name="opsis", what=RED)
            assert lost in console.ask("status")
        assert "status1: in0: 0x0@0.00MHz" in console.ask("status short")
        for hang in ("video_mode list", "status"):  # the first of which no firmware survives
            with pytest.raises(TimeoutError):
                console.ask(hang, deadline=HEARD)
        opsis.ask("firmware", name="opsis")
        assert "H2U 00:00:" in console.ask("")


@pytest.mark.long
def test_a_board_that_leaves_while_it_captures(opsis: Venue, foh: Foh, tmp_path: Path) -> None:
    device = video(foh)
    with foh.console() as console:
        console.wait_for("opsis 1-12")
        command = ["v4l2-ctl", "-d", device, "--stream-mmap=4", "--stream-count=1000", f"--stream-to={tmp_path}/all"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as recorder:
            until(lambda: opsis.report("opsis")["pictures"] > 5)
            opsis.unplug("opsis")
            console.wait_for("opsis 1-12 is gone from USB port 1-12")
            assert recorder.wait(BOUND) != 0
        plugged(opsis, "opsis", 12)
        console.wait_gone("is gone from USB port")


@contextlib.contextmanager
def recording(device: str, board: Venue) -> Iterator[subprocess.Popen[bytes]]:
    """Somebody takes the board's video, as a mixer does."""
    take = ["v4l2-ctl", "-d", device, f"--set-fmt-video={SIZE}", "--stream-mmap=4", "--stream-to=/dev/null"]
    with subprocess.Popen(take, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as recorder:
        try:
            before = board.report("opsis")["pictures"]
            until(lambda: board.report("opsis")["pictures"] > before + 5)
            yield recorder
        finally:
            recorder.kill()


def shown(console: Terminal, pattern: str) -> None:
    console.until(lambda: bool(re.search(pattern, console.text)))


@pytest.mark.long
def test_an_hdmi_signal_is_lost_and_wrong_and_comes_back(opsis: Venue, foh: Foh) -> None:
    with recording(video(foh), opsis) as recorder, foh.console() as console:
        shown(console, "opsis 1-12 .*operational .*good")
        for word, says in (
            ("none", "receives no HDMI signal"), ("wrong mode", "sends a resolution that the board did not ask for"),
            ("no lock", "receives a clock, but cannot lock"), ("test pattern", "shows its test pattern"),
        ):  # fmt: skip
            opsis.ask("signal", name="opsis", what=word)
            console.wait_for(says)
            if word == "none":
                assert foh.status().incidents == [("CAPTURE-NO-SIGNAL", "rig/capture/1-12")]
            opsis.ask("signal", name="opsis", what="good")
            console.wait_gone(says)
        assert recorder.poll() is None
    assert set(opsis.report("opsis")["commands"]) == {"", "status"}


@pytest.mark.long
def test_a_firmware_that_hangs_is_named_while_its_pictures_go_on(opsis: Venue, foh: Foh) -> None:
    with recording(video(foh), opsis) as recorder, foh.console() as console:
        shown(console, "opsis 1-12 .*operational .*good")
        opsis.ask("firmware", name="opsis", hung=True)
        console.wait_for("its firmware does not answer")
        before = opsis.report("opsis")["pictures"]
        until(lambda: opsis.report("opsis")["pictures"] > before + 20)
        opsis.ask("firmware", name="opsis")
        console.wait_gone("its firmware does not answer")
        assert recorder.poll() is None


@pytest.mark.long
def test_a_firmware_is_not_asked_before_the_video_runs(opsis: Venue, foh: Foh) -> None:
    with foh.console() as console:
        shown(console, "opsis 1-12 .*operational")
        elapse(IDLE)
        assert opsis.report("opsis")["commands"] == []
        with recording(video(foh), opsis):
            shown(console, "opsis 1-12 .*operational .*good")


@pytest.mark.long
def test_a_look_at_a_picture_says_what_it_shows(opsis: Venue, foh: Foh) -> None:
    with foh.console() as console:
        shown(console, "opsis 1-12 .*operational")
        console.press("3")
        for what, says in (
            (RED, "its picture is the red that it shows without"), (FROZEN, "its picture stands still"),
            (BLACK, "its picture is black"), (NOTHING, "no picture came from it"),
        ):  # fmt: skip
            opsis.ask("show", name="opsis", what=what)
            look(console)
            console.wait_for(says)
            opsis.ask("show", name="opsis", what=MOVING)
            look(console)
            console.wait_gone(says)


def look(console: Terminal) -> None:
    """With the keys, at the board that is selected."""
    console.press("a")
    console.wait_for("actions on opsis 1-12")
    console.press("enter")
    console.wait_for("take 30 pictures")
    console.press("enter")
    console.wait_gone("take 30 pictures")
