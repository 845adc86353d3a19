from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backends.contract import Unknown, Why
from backends.hardware import boards, enumerator
from backends.hardware.device_reader import NOT_IDENTIFIED, identify
from tests.backends.hardware.tree import tree


def test_a_board_is_read_whole(tmp_path: Path) -> None:
    device = tree(tmp_path)
    board = boards.board("h", "1-1.1", device, 7.0, identify(device, 7.0), tmp_path, 3, 2)
    assert board is not None
    assert (board.model, board.ids, board.speed, board.current, board.asleep) == (
        "PCM2705C",
        "08bb:27c5",
        12,
        20,
        25,
    )
    assert (board.hid, board.wakeup, board.hub, board.over_current) == ("bound to usbhid", "none", "1-1", 2)
    assert (board.reenumerations, board.configured) == (3, 2)
    assert board.serial == Unknown(Why.NOT_APPLICABLE, "there is no serial")
    assert [key.value for key in board.keys] == ["1-1.1", "001/005"]
    assert {e.what: e.raw for e in board.evidence}["bMaxPower"] == "20mA"
    assert all(Path(e.read_from).exists() for e in board.evidence)


@pytest.mark.parametrize(
    ("ports", "told", "proofs"),
    [
        ("1", (2,), ["2"]),
        ("2", (2, 0), ["2"]),
        ("3", Unknown(Why.NOT_APPLICABLE, "there is no over_current_count"), ["2"]),
        ("", Unknown(Why.NOT_APPLICABLE, "maxchild is empty"), []),
    ],
)
def test_a_hub_tells_what_each_of_its_ports_has_counted(
    tmp_path: Path, ports: str, told: Any, proofs: list[str]
) -> None:
    device = tree(tmp_path).parent / "1-1"
    for name, value in (("devnum", "4"), ("maxchild", ports), ("1-1:1.0/1-1-port2/over_current_count", "0")):
        (device / name).parent.mkdir(parents=True, exist_ok=True)
        (device / name).write_text(value + "\n")
    hub = boards.hub("h", "1-1", device, 0.0, NOT_IDENTIFIED)
    assert hub is not None
    assert hub.over_currents == told
    assert [each.raw for each in hub.evidence if each.what == boards.OVER_CURRENT] == proofs


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"speed": "1.5"}, "speed", 1.5),
        ({"speed": "fast"}, "speed", Why.MALFORMED),
        ({"bMaxPower": ""}, "current", Why.NOT_APPLICABLE),
        ({"authorized": "0"}, "power", Why.DENIED),
        ({"authorized": "0"}, "policy", "on"),
        ({"authorized": ""}, "power", "active"),
        ({"power/autosuspend_delay_ms": "-1000"}, "delay", -1000),
        ({"power/autosuspend_delay_ms": "soon"}, "delay", Why.MALFORMED),
        ({"power/wakeup": "enabled"}, "wakeup", "enabled"),
        ({"product": "evil\x1b]0;name\x07"}, "name", "1-1.1"),
        ({"manufacturer": "evil\x1b[2Jname"}, "maker", "evil␛[2Jname"),
        ({"idProduct": "1234"}, "model", "USB AUDIO  DAC"),
        ({"power/runtime_active_time": "0", "power/runtime_suspended_time": "0"}, "asleep", Why.NOT_YET),
        ({"manufacturer": "x" * 5000}, "maker", Why.MALFORMED),
    ],
)
def test_what_a_board_may_say(tmp_path: Path, changes: dict[str, str], field: str, value: Any) -> None:
    device = tree(tmp_path, **changes)
    board = boards.board("h", "1-1.1", device, 0.0, identify(device, 0.0), tmp_path)
    got = getattr(board, field)
    assert (got.why if isinstance(got, Unknown) else got) == value


def test_a_released_hid_interface_and_none_at_all(tmp_path: Path) -> None:
    device = tree(tmp_path)
    (device / "1-1.1:1.2/driver").unlink()
    assert boards.board("h", "1-1.1", device, 0.0, NOT_IDENTIFIED, tmp_path).hid == "released"  # type: ignore[union-attr]
    (device / "1-1.1:1.2/bInterfaceClass").write_text("01\n")
    assert boards.board("h", "1-1.1", device, 0.0, NOT_IDENTIFIED, tmp_path).hid == "none"  # type: ignore[union-attr]


def test_a_board_that_is_gone_is_none_and_not_a_row_of_unknowns(tmp_path: Path) -> None:
    assert boards.board("h", "1-1.9", tree(tmp_path).parent / "1-1.9", 0.0, NOT_IDENTIFIED, tmp_path) is None


@pytest.mark.parametrize(
    ("port", "hub", "directory"),
    [
        ("1-1.3.2", "1-1.3", "1-1.3/1-1.3:1.0/1-1.3-port2"),
        ("1-1.3", "1-1", "1-1/1-1:1.0/1-1-port3"),
        ("2-4", "usb2", "usb2/2-0:1.0/usb2-port4"),
        ("10-14", "usb10", "usb10/10-0:1.0/usb10-port14"),
        ("usb1", "", None),
    ],
)
def test_where_a_port_is(port: str, hub: str, directory: str | None) -> None:
    assert enumerator.parent(port) == hub
    if directory:
        assert enumerator.at_port(hub, int(port.replace("-", ".").rpartition(".")[2])) == port
        assert enumerator.hub_port(Path("/d") / port, port, hub) == Path("/d") / directory


@pytest.mark.parametrize(
    ("bus", "ports", "name"), [(1, (1, 3, 2), "1-1.3.2"), (2, (4,), "2-4"), (1, (), "usb1"), (3, None, "usb3")]
)
def test_port_names(bus: int, ports: tuple[int, ...] | None, name: str) -> None:
    assert enumerator.port_name(bus, ports) == name
