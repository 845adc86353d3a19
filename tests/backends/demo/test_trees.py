from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from backends import sysfs
from backends.demo.trees import DemoBoard, Trees
from backends.hardware import boards, enumerator
from backends.hardware.device_reader import identify
from backends.kinds import Board, Hub
from tests.patience import POLL

BOARDS = (
    DemoBoard("bar", "1-1.1"),
    DemoBoard("hall", "1-1.2", "on", True),
    DemoBoard("foyer", "1-1.3.4", hid_bound=True),
)


def world(folder: Path, still: bool = False) -> Trees:
    return Trees(folder, BOARDS, {"2-1": "opsis", "2-2": "atlys"}, still=still)


def state(trees: Trees) -> dict[str, str]:
    files = (path for root in (trees.sysfs, trees.proc) for path in sorted(root.rglob("*")) if path.is_file())
    return {str(path): path.read_text() for path in files}


def power(trees: Trees) -> list[str]:
    return [trees.get(board.port, "power/runtime_status") for board in BOARDS]


def test_the_tree_is_read_like_the_kernels(tmp_path: Path) -> None:
    trees = world(tmp_path)
    seen = {each.port: each for each in enumerator.by_sysfs(trees.sysfs)}
    assert {port for port, each in seen.items() if each.is_audio} == {"1-1.1", "1-1.2", "1-1.3.4"}
    assert {port for port, each in seen.items() if each.is_hub} == {"usb1", "1-1", "1-1.3", "usb2"}
    for port, device in sysfs.usb_devices(trees.sysfs).items():
        said = identify(device, 0.0)
        if seen[port].is_hub:
            found: Board | Hub | None = boards.hub("h", port, device, 0.0, said)
        else:
            found = boards.board("h", port, device, 0.0, said, trees.rules)
        assert found is not None
        unknown = {name for name in found.__struct_fields__ if type(getattr(found, name)).__name__ == "Unknown"}
        told_by_others = {"serial", "hid", "holders", "asleep_today", "card"}
        assert unknown <= ({"over_current"} if port.startswith("usb") else told_by_others)
    opsis = sysfs.usb_devices(trees.sysfs)["2-1"]
    assert [i.driver for i in sysfs.interfaces(opsis)] == ["uvcvideo", "uvcvideo", "cdc_acm", "cdc_acm"]


def test_the_kernels_part(tmp_path: Path) -> None:
    trees = world(tmp_path)
    trees.step()
    assert power(trees) == ["suspended", "active", "active"]
    trees.pcm("bar", "RUNNING", 7)
    assert power(trees)[0] == "active"
    trees.set("1-1.1", "power/autosuspend_delay_ms", "0")
    trees.pcm("bar", "closed")
    assert power(trees)[0] == "suspended"
    trees.set("1-1.1", "power/control", "on")
    trees.step()
    assert power(trees)[0] == "active"
    trees.set("1-1.3.4", "power/autosuspend_delay_ms", "0")
    trees.step()
    assert power(trees)[2] == "active"  # the HID interface holds it
    trees.set("1-1.3.4", "1-1.3.4:1.2/authorized", "0")
    trees.step()
    assert power(trees)[2] == "suspended"
    trees.set("1-1.3.4", "power/autosuspend_delay_ms", "-1")
    trees.step()
    assert power(trees)[2] == "active"


def test_a_replugged_board_has_the_kernels_defaults_again(tmp_path: Path) -> None:
    trees = world(tmp_path)
    number = trees.get("1-1.1", "devnum")
    trees.unplug("1-1.1")
    trees.unplug("1-1.1")
    assert trees.cards == {"hall": 1, "foyer": 2}
    assert "1-1.1" not in sysfs.usb_devices(trees.sysfs)
    trees.step()
    trees.pcm("bar", "RUNNING", 7)
    trees.replug("1-1.1")
    trees.step()
    assert (trees.get("1-1.1", "power/control"), power(trees)[0]) == ("on", "active")
    assert trees.get("1-1.1", "devnum") != number
    assert (trees.proc / "card0/pcm0p/sub0/status").read_text() == "closed\n"


def test_a_board_that_is_not_authorized_is_there_without_interfaces_and_card(tmp_path: Path) -> None:
    trees = world(tmp_path)
    trees.pcm("bar", "RUNNING", 7)
    number, device = trees.get("1-1.1", "devnum"), sysfs.usb_devices(trees.sysfs)["1-1.1"]
    trees.set("1-1.1", "power/control", "auto")
    for _ in range(2):
        trees.set("1-1.1", "authorized", "0")
        trees.step()
        assert (sysfs.interfaces(device), trees.get("1-1.1", "bConfigurationValue")) == ([], "")
        assert trees.cards == {"hall": 1, "foyer": 2}
    assert [each.is_audio for each in enumerator.by_sysfs(trees.sysfs) if each.port == "1-1.1"] == [True]
    for _ in range(2):
        trees.set("1-1.1", "authorized", "1")
        trees.step()
        drivers = [each.driver for each in sysfs.interfaces(device)]
        assert (drivers, trees.get("1-1.1", "bConfigurationValue")) == (["snd-usb-audio"] * 2 + ["usbhid"], "1")
        assert (trees.cards["bar"], trees.get("1-1.1", "devnum")) == (0, number)
        assert (trees.proc / "card0/pcm0p/sub0/status").read_text() == "closed\n"
    assert trees.get("1-1.1", "power/control") == "auto"  # it was not unplugged
    trees.set("1-1.1", "authorized", "0")
    trees.step()
    trees.unplug("1-1.1")
    trees.replug("1-1.1")
    assert (trees.get("1-1.1", "authorized"), trees.cards["bar"]) == ("1", 0)


async def test_a_still_world_moves_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.demo.trees.COUNT", 0.0)
    for still in (True, False):
        trees = world(tmp_path / str(still), still)
        trees.pcm("hall", "RUNNING", 7)
        before = state(trees)
        for _ in range(3):
            await asyncio.sleep(POLL)
            trees.step()
        assert (state(trees) == before) == still
        trees.set("1-1.1", "power/control", "on")
        trees.step()
        assert power(trees)[0] == "active"
