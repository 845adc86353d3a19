"""Capture boards in a tree in the shape of /sys that changes while it is watched."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backends.capture import hdmi2usb
from backends.capture.boards import above, boards
from backends.capture.hdmi2usb import Hdmi2Usb, Settings, discover
from backends.capture.rules import board_gone, not_operational
from backends.contract import Context, Gone, Severity, State, Unknown
from backends.kinds import CaptureBoard
from backends.runtime import SourceIO
from tests.integration.watching import Watched, watching
from tests.patience import NEVER

FACTS = {
    "idVendor": "2a19", "idProduct": "5442", "bcdDevice": "0101", "serial": "e0007ef4", "speed": "480",
    "devnum": "7", "{port}:1.0/bInterfaceClass": "0e", "{port}:1.0/video4linux/video10/name": "HDMI2USB",
    "{port}:1.0/video4linux/video9/name": "HDMI2USB", "{port}:1.2/bInterfaceClass": "02",
    "{port}:1.2/tty/ttyACM0/dev": "166:0",
}  # fmt: skip


def plug(root: Path, port: str = "1-1.3", **changes: str) -> Path:
    device = root / "bus/usb/devices" / port
    for name, value in (FACTS | changes).items():
        path = device / name.format(port=port)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value + "\n")
    return device


def test_a_board_is_read_with_its_nodes_and_evidence(tmp_path: Path) -> None:
    plug(tmp_path)
    plug(tmp_path, "1-2", idVendor="08bb", idProduct="27c5")
    (board,) = boards("venue", tmp_path, 5.0)
    assert (board.mode, board.model, board.port, board.ids) == ("operational", "Numato Opsis", "1-1.3", "2a19:5442")
    assert (board.video, board.console, board.speed) == ("/dev/video9", "/dev/ttyACM0", 480)
    assert board.evidence[2].read_from.endswith("bus/usb/devices/1-1.3/bcdDevice")
    assert (board.evidence[2].raw, board.evidence[2].at) == ("0101", 5.0)


def test_what_a_board_lacks_is_said(tmp_path: Path) -> None:
    device = plug(tmp_path)
    shutil.rmtree(device / "1-1.3:1.0/video4linux")
    (device / "serial").unlink()
    (board,) = boards("venue", tmp_path, 0)
    assert isinstance(board.video, Unknown)
    assert "uvcvideo" in board.video.detail
    assert isinstance(board.serial, Unknown)


@pytest.mark.parametrize(("port", "hub"), [("1-1.3.2", "1-1.3"), ("1-1", "usb1"), ("10-4", "usb10")])
def test_above(port: str, hub: str) -> None:
    assert above(port) == hub


@pytest.mark.parametrize(
    ("ids", "release", "says"),
    [
        ("5441", "0001", "jtag mode, its FPGA is being programmed"),
        ("5440", "0000", "gateware is missing"),
        ("5441", "0003", "only its serial port"),
        ("5441", "0012", "test firmware"),
        ("5441", "0055", "this mode has no video"),
    ],
)
def test_a_mode_that_cannot_capture_is_a_finding(tmp_path: Path, ids: str, release: str, says: str) -> None:
    plug(tmp_path, idProduct=ids, bcdDevice=release)
    (board,) = boards("venue", tmp_path, 0)
    (finding,) = not_operational(board, None).findings  # type: ignore[arg-type]
    assert (finding.code, finding.severity) == ("CAPTURE-NOT-OPERATIONAL", Severity.CRIT)
    assert says in finding.cause
    assert "1-1.3" in finding.remedies[0].text


def test_an_operational_board_is_none(tmp_path: Path) -> None:
    plug(tmp_path)
    (board,) = boards("venue", tmp_path, 0)
    for rule in (not_operational, board_gone):
        assert rule(board, None).findings == ()  # type: ignore[arg-type]


def test_a_board_that_left_is_a_finding_that_names_the_port(tmp_path: Path) -> None:
    plug(tmp_path)
    (board,) = boards("venue", tmp_path, 0)
    for last in (board, None):
        (finding,) = board_gone(Gone(board.id, last, 9.0), None).findings  # type: ignore[arg-type]
        assert (finding.code, finding.about) == ("CAPTURE-BOARD-GONE", board.id)
        assert "1-1.3" in finding.cause


@pytest.fixture
async def board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[Watched, Path, list[asyncio.StreamWriter]]]:
    """A watched tree with one board, and the writers on which its events are announced. A parameter is the seconds
    after which it is looked at without one."""
    root, writers = tmp_path / "sys", list[asyncio.StreamWriter]()
    plug(root)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    path = tmp_path / "events"
    monkeypatch.setattr(hdmi2usb, "POLL", getattr(request, "param", hdmi2usb.POLL))
    async with await asyncio.start_unix_server(accept, path):
        settings = Settings(sysfs=str(root), events=f"unix:{path}")
        async with watching(Hdmi2Usb("venue", settings)) as watched:
            await watched.until(lambda w: w.of("capture"))
            yield watched, root, writers
            for writer in writers:
                writer.close()


@pytest.mark.parametrize("board", [NEVER], indirect=True)
async def test_a_change_is_seen_when_announced(board: tuple[Watched, Path, list[asyncio.StreamWriter]]) -> None:
    watched, root, writers = board
    for ids, release, mode in (("5441", "0001", "jtag"), ("5442", "0101", "operational")):
        plug(root, idProduct=ids, bcdDevice=release)
        writers[0].write(b'{"action": "add", "subsystem": "usb", "name": "1-1.3"}\n')
        await watched.until(lambda w, mode=mode: w.get("capture", "mode") == mode)
    shutil.rmtree(root / "bus/usb/devices/1-1.3")
    writers[0].write(b'{"action": "remove", "subsystem": "usb", "name": "1-1.3"}\n')
    await watched.until(lambda w: not w.resources)
    assert watched.state is State.OK


async def test_it_is_looked_at_again_without_events(board: tuple[Watched, Path, list[asyncio.StreamWriter]]) -> None:
    watched, root, _ = board
    (root / "bus/usb/devices/1-1.3/bcdDevice").write_text("0002\n")
    await watched.until(lambda w: w.get("capture", "release") == "0002")


async def test_a_machine_without_usb_has_no_source(tmp_path: Path) -> None:
    io = SourceIO("discovery")
    assert await discover(Context("venue", Settings(sysfs=str(tmp_path))), io) == ()
    (tmp_path / "bus/usb/devices").mkdir(parents=True)
    assert len(await discover(Context("venue", Settings(sysfs=str(tmp_path))), io)) == 1


async def test_hostile_strings_are_harmless(tmp_path: Path) -> None:
    plug(tmp_path, serial="\x1b]0;x\x07[@click=app.quit]red")
    (board,) = boards("venue", tmp_path, 0)
    assert isinstance(board, CaptureBoard)
    assert "\x1b" not in str(board.serial)
