from __future__ import annotations

from pathlib import Path

import pytest

from backends.hardware import helper, naming, udev_rule
from backends.hardware.helper import Where
from tests.backends.hardware.tree import tree


def state(device: Path) -> dict[str, str]:
    return {str(path): path.read_text() for path in sorted(device.rglob("*")) if path.is_file()}


def trees(folder: Path) -> Where:
    """The two trees beside each other; there is no board in the first yet."""
    where = Where(folder / "sys", folder / "rules.d")
    where.rules.mkdir(parents=True)
    return where


def test_it_does_what_it_is_for(tmp_path: Path) -> None:
    where = trees(tmp_path)
    device = tree(where.sysfs)
    assert helper.main(["usb-power", "1-1.1", "auto", "700"], where) == 0
    assert (device / "power/control").read_text() == "auto"
    assert (device / "power/autosuspend_delay_ms").read_text() == "700"
    assert helper.main(["usb-release-hid", "1-1.1"], where) == 0
    assert (device / "1-1.1:1.2/authorized").read_text() == "0"
    assert (device / "1-1.1:1.0/authorized").read_text() == "1\n"
    assert helper.main(["usb-restore-hid", "1-1.1"], where) == 0
    assert (device / "1-1.1:1.2/authorized").read_text() == "1"
    assert (where.sysfs / "bus/usb/drivers_probe").read_text() == "1-1.1:1.2"
    assert helper.main(["usb-power", "1-1.1", "on"], where) == 0
    assert (device / "power/control").read_text() == "on"


def test_a_rule_is_kept_and_forgotten(tmp_path: Path) -> None:
    where = trees(tmp_path)
    tree(where.sysfs)
    file = where.rules / "70-foh-sleep-1-1.1.rules"
    for release in ([], ["release-hid"]):  # the second replaces the first
        assert helper.main(["usb-keep-rule", "1-1.1", "0700", *release], where) == 0
        assert file.read_text() == udev_rule.text("1-1.1", "08bb:27c5", 700, bool(release))
        assert [each.name for each in where.rules.iterdir()] == [file.name]
    assert file.stat().st_mode & 0o777 == 0o644
    for _ in range(2):  # that it is gone already is no failure
        assert helper.main(["usb-forget-rule", "1-1.1"], where) == 0
        assert not file.exists()


def test_a_card_is_named_now_and_by_a_rule(tmp_path: Path) -> None:
    where = trees(tmp_path)
    card = tree(where.sysfs) / "1-1.1:1.0/sound/card3"
    card.mkdir(parents=True)
    (card / "id").write_text("DAC_3\n")
    file = where.rules / "70-foh-name-1-1.1.rules"
    assert helper.main(["usb-name-card", "1-1.1", "bar"], where) == 0
    assert file.read_text() == naming.rule("1-1.1", "08bb:27c5", "bar")
    assert (card / "id").read_text() == "bar"
    for _ in range(2):
        assert helper.main(["usb-unname-card", "1-1.1"], where) == 0
        assert not file.exists()
    assert (card / "id").read_text() == "bar"  # until it is plugged in again


def test_a_board_that_lies_about_what_it_is_gets_no_rule(tmp_path: Path) -> None:
    where = trees(tmp_path)
    tree(where.sysfs, idVendor='08bb", RUN+="/bin/sh', idProduct="27c5")
    assert helper.main(["usb-keep-rule", "1-1.1", "700"], where) == 2
    assert list(where.rules.iterdir()) == []


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
    assert helper.main(argv, where) == 2
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
    assert helper.main(["usb-power", "1-1.1", "auto"], Where(tmp_path / "sys")) == 2
    assert victim.read_text() == "root\n"


def test_it_creates_no_file(tmp_path: Path) -> None:
    device = tree(tmp_path)
    (device / "power/control").unlink()
    assert helper.main(["usb-power", "1-1.1", "auto"], Where(tmp_path)) == 1
    assert not (device / "power/control").exists()
