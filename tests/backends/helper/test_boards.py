from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backends.helper import boards, devices, program, udev_rules
from backends.helper.boards import Folders
from tests.backends.hardware.tree import tree
from tests.patience import BOUND, NEVER, until


def main(argv: list[str], where: Folders) -> int:
    return program.main(argv, boards.operations(where))


def state(device: Path) -> dict[str, str]:
    return {str(path): path.read_text() for path in sorted(device.rglob("*")) if path.is_file()}


def trees(folder: Path) -> Folders:
    """The two trees beside each other; there is no board in the first yet."""
    where = Folders(folder / "sys", folder / "rules.d")
    where.rules.mkdir(parents=True)
    return where


def test_it_does_what_it_is_for(tmp_path: Path) -> None:
    where = trees(tmp_path)
    device = tree(where.sysfs)
    assert main(["usb-power", "1-1.1", "auto", "700"], where) == 0
    assert (device / "power/control").read_text() == "auto"
    assert (device / "power/autosuspend_delay_ms").read_text() == "700"
    assert main(["usb-release-hid", "1-1.1"], where) == 0
    assert (device / "1-1.1:1.2/authorized").read_text() == "0"
    assert (device / "1-1.1:1.0/authorized").read_text() == "1\n"
    assert main(["usb-restore-hid", "1-1.1"], where) == 0
    assert (device / "1-1.1:1.2/authorized").read_text() == "1"
    assert (where.sysfs / "bus/usb/drivers_probe").read_text() == "1-1.1:1.2"
    assert main(["usb-power", "1-1.1", "on"], where) == 0
    assert (device / "power/control").read_text() == "on"


def test_a_rule_is_kept_and_forgotten(tmp_path: Path) -> None:
    where = trees(tmp_path)
    tree(where.sysfs)
    file = where.rules / "70-foh-sleep-1-1.1.rules"
    for release in ([], ["release-hid"]):  # the second replaces the first
        assert main(["usb-keep-rule", "1-1.1", "0700", *release], where) == 0
        assert file.read_text() == udev_rules.sleep_rule("1-1.1", "08bb:27c5", 700, bool(release))
        assert [each.name for each in where.rules.iterdir()] == [file.name]
    assert file.stat().st_mode & 0o777 == 0o644
    for _ in range(2):  # that it is gone already is no failure
        assert main(["usb-forget-rule", "1-1.1"], where) == 0
        assert not file.exists()


def test_a_card_is_named_now_and_by_a_rule(tmp_path: Path) -> None:
    where = trees(tmp_path)
    card = tree(where.sysfs) / "1-1.1:1.0/sound/card3"
    card.mkdir(parents=True)
    (card / "id").write_text("DAC_3\n")
    file = where.rules / "70-foh-name-1-1.1.rules"
    assert main(["usb-name-card", "1-1.1", "bar"], where) == 0
    assert file.read_text() == udev_rules.name_rule("1-1.1", "08bb:27c5", "bar")
    assert (card / "id").read_text() == "bar"
    for _ in range(2):
        assert main(["usb-unname-card", "1-1.1"], where) == 0
        assert not file.exists()
    assert (card / "id").read_text() == "bar"  # until it is plugged in again


def test_a_board_that_lies_about_what_it_is_gets_no_rule(tmp_path: Path) -> None:
    where = trees(tmp_path)
    tree(where.sysfs, idVendor='08bb", RUN+="/bin/sh', idProduct="27c5")
    assert main(["usb-keep-rule", "1-1.1", "700"], where) == 2
    assert list(where.rules.iterdir()) == []


def test_a_board_is_left_without_a_configuration_for_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where, seen = trees(tmp_path), list[str]()
    file = tree(where.sysfs) / "authorized"
    monkeypatch.setattr(time, "sleep", lambda seconds: seen.append(file.read_text()))
    assert main(["usb-replug", "1-1.1"], where) == 0
    assert (seen, file.read_text()) == (["0"], "1")
    file.unlink()
    assert main(["usb-replug", "1-1.1"], where) == 1
    assert not file.exists()


AUDIO, KEYS = bytes((9, 4, 0, 0, 0, 1, 1, 0, 0)), bytes((9, 4, 2, 0, 1, 3, 0, 0, 0))


@pytest.mark.parametrize(
    ("descriptors", "classes"),
    [
        (b"", set()), (b"\x09", set()), (AUDIO, {1}), (bytes((2, 9)) + KEYS + AUDIO, {1, 3}), (KEYS + AUDIO[:5], {3}),
        (bytes((0, 4, 0, 0, 0, 1)), set()), (bytes((1, 4)) + AUDIO, set()), (bytes((5, 4, 0, 0, 0, 1)), set()),
        (bytes((9, 5, 0, 0, 0, 1, 0, 0, 0)), set()),
    ],
)  # fmt: skip
def test_what_raw_descriptors_say_of_interfaces(descriptors: bytes, classes: set[int]) -> None:
    assert devices.described(descriptors) == classes


@pytest.mark.parametrize(("descriptors", "status", "left"), [(AUDIO, 0, "1"), (KEYS, 2, "0\n"), (b"", 2, "0\n")])
def test_a_board_that_somebody_left_unauthorized_is_mended_and_nothing_else_is(
    tmp_path: Path, descriptors: bytes, status: int, left: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "PAUSE", 0)
    where = trees(tmp_path)
    device = tree(where.sysfs, authorized="0")
    for number in (0, 2):
        shutil.rmtree(device / f"1-1.1:1.{number}")
    (device / "descriptors").write_bytes(descriptors)
    assert main(["usb-replug", "1-1.1"], where) == status
    assert (device / "authorized").read_text() == left


IN_MAIN = "program.main(['usb-replug', '1-1.1'], boards.operations(where))"
IN_THREAD = f"threading.Thread(target=lambda: {IN_MAIN}, daemon=True).start(); sys.stdin.read()"


@pytest.mark.parametrize("running", [IN_MAIN, IN_THREAD], ids=["helper", "console"])
def test_a_board_is_authorized_however_the_program_ends(tmp_path: Path, running: str) -> None:
    """The helper by a signal; a console, whose threads end with it, by itself."""
    where = trees(tmp_path)
    file = tree(where.sysfs) / "authorized"
    pause = 3 if running == IN_MAIN else NEVER  # seconds
    code = (
        "import sys, threading\nfrom pathlib import Path\n"
        "from backends.helper import boards, program\n"
        f"boards.PAUSE = {pause}\nwhere = boards.Folders(Path({str(where.sysfs)!r}))\n{running}"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        until(lambda: file.read_text() == "0")
        if running == IN_MAIN:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=BOUND)  # the thread of the console would pause for longer
    assert file.read_text() == "1"
    assert process.returncode == (-signal.SIGTERM if running == IN_MAIN else 0)


HOSTILE = [
    [], [""], ["sh"], ["-c", "id"], ["usb-power"], ["usb-release-hid"], ["main"], ["__class__"],
    ["usb-power", "1-1.1"], ["usb-power", "1-1.1", "off"], ["usb-power", "1-1.1", "auto", "2000", "more"],
    ["usb-power", "1-1.1", "auto", "-1"], ["usb-power", "1-1.1", "auto", "1;id"],
    ["usb-power", "1-1.1", "auto", "1\n"],
    ["usb-power", "1-1.1", "auto", "99999999"], ["usb-power", "1-1.1", "auto", "²"], ["usb-power", "1-1.1", "on\n"],
    ["usb-power", "../../../etc", "auto"], ["usb-power", "1-1.1/../1-1.1", "auto"], ["usb-power", "/etc", "auto"],
    ["usb-power", "1-1.1\n", "auto"], ["usb-power", "1-1.1\x00", "auto"], ["usb-power", "1-1.1:1.0", "auto"],
    ["usb-keep-rule", "1-1.1"], ["usb-keep-rule", "1-1.1", "-1"], ["usb-keep-rule", "1-1.1", "700", "RUN"],
    ["usb-keep-rule", "../x", "700"], ["usb-keep-rule", "1-2", "700"], ["usb-keep-rule", "1-1.1", "700\n"],
    ["usb-forget-rule"], ["usb-forget-rule", "../../passwd"], ["usb-forget-rule", "1-1.1", "1-1.1"],
    ["usb-name-card", "1-1.1"], ["usb-name-card", "1-1.1", ""], ["usb-name-card", "1-1.1", "a b"],
    ["usb-name-card", "1-1.1", "12"], ["usb-name-card", "1-1.1", "x" * 16], ["usb-name-card", "1-1.1", 'a"'],
    ["usb-name-card", "1-1.1", "bar\n"], ["usb-name-card", "1-1.1", "b\u0430r"], ["usb-name-card", "1-2", "bar"],
    ["usb-name-card", "../x", "bar"], ["usb-unname-card"], ["usb-unname-card", "../../passwd"],
    ["usb-restore-hid", "1-2"], ["usb-restore-hid"],
    ["usb-power", "usb1", "auto"], ["usb-power", "*", "auto"], ["usb-power", "1-1.9", "auto"],
    ["usb-power", "1-2", "auto"], ["usb-power", "3-3", "auto"], ["usb-release-hid", "1-2"],
    ["usb-replug"], ["usb-replug", "1-1.1", "0"], ["usb-replug", "1-2"], ["usb-replug", "3-3"], ["usb-replug", "usb1"],
    ["usb-release-hid", "1-1.1", "1-1.1"], ["usb-power", "١-1", "auto"], ["usb-power", "-n", "auto"],
]  # fmt: skip


@pytest.mark.parametrize("argv", HOSTILE, ids=repr)
def test_everything_else_is_refused_and_changes_nothing(
    tmp_path: Path, argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    where = trees(tmp_path)
    device = tree(where.sysfs)
    (device.parent / "1-2").mkdir()  # plugged in, but no audio device
    outside = tree(tmp_path / "outside")
    (device.parent / "3-3").symlink_to(outside)  # a way out of the tree
    before = state(tmp_path)
    assert main(argv, where) == 2
    assert state(tmp_path) == before
    said = capsys.readouterr().err
    assert said.startswith("foh helper: ")
    assert said.count("\n") == 1
    assert "\x00" not in said


def test_it_follows_no_attribute_out_of_the_tree(tmp_path: Path) -> None:
    device = tree(tmp_path / "sys")
    victim = tmp_path / "passwd"
    victim.write_text("root\n")
    (device / "power/control").unlink()
    (device / "power/control").symlink_to(victim)
    assert main(["usb-power", "1-1.1", "auto"], Folders(tmp_path / "sys")) == 2
    assert victim.read_text() == "root\n"


def test_it_creates_no_file(tmp_path: Path) -> None:
    device = tree(tmp_path)
    (device / "power/control").unlink()
    assert main(["usb-power", "1-1.1", "auto"], Folders(tmp_path)) == 1
    assert not (device / "power/control").exists()
