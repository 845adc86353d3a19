"""The inside of a capture board: what it takes to be told of it, and what can be done."""

from __future__ import annotations

import asyncio
import errno
import fcntl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec import convert, structs

from backends.capture import firmware_console, hdmi2usb, inside, picture
from backends.capture.hdmi2usb import Hdmi2Usb, Settings, needs
from backends.contract import Context, Id, Offer, Refused, State, Unknown, Why
from backends.demo.captures import Captures, Inside
from backends.demo.firmware import SIGNALS
from backends.demo.trees import Trees
from backends.kinds import CaptureBoard
from tests.integration.watching import Watched, watching
from tests.patience import until_async

UNKNOWN = Unknown(Why.NOT_APPLICABLE, "there is no urbnum")


@pytest.mark.parametrize(
    ("before", "after", "seconds", "expected"),
    [
        (0, 75, 0.3, True), (100, 100, 0.3, False), (100, 110, 0.3, False), (100, 90, 0.3, False),
        (UNKNOWN, 5, 0.3, UNKNOWN), (5, UNKNOWN, 0.3, UNKNOWN),
    ],
)  # fmt: skip
def test_video_runs_where_transfers_are_made(
    before: int | Unknown, after: int | Unknown, seconds: float, expected: bool | Unknown
) -> None:
    assert inside.runs(before, after, seconds) == expected


@pytest.mark.parametrize(
    ("error", "why", "says"),
    [
        (OSError(errno.EAGAIN, "busy"), Why.NOT_YET, "another program has /dev/ttyACM0"),
        (OSError(errno.EACCES, "no"), Why.DENIED, "foh doctor"),
        (TimeoutError(), Why.UNREACHABLE, "does not answer on /dev/ttyACM0"),
        (OSError(errno.EIO, "\x1b[2J"), Why.UNREACHABLE, "Errno 5"),
    ],
)
def test_why_nothing_is_told(error: Exception, why: Why, says: str) -> None:
    signal = inside.failure_report(error, "/dev/ttyACM0").signal
    assert isinstance(signal, Unknown)
    assert signal.why is why
    assert says in signal.detail
    assert "\x1b" not in signal.detail


@pytest.fixture
async def venue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[Watched, Trees, Inside]]:
    """A watched board of the embedded venue, whose video runs. A parameter is more of its backend's settings."""
    monkeypatch.setattr(hdmi2usb, "ASK", 0.5)
    trees, captures = Trees(tmp_path, (), {"2-1": "opsis"}), Captures(tmp_path / "dev", ("2-1",))
    trees.streaming.add("2-1")
    async with asyncio.TaskGroup() as tasks, captures.running():
        running = tasks.create_task(trees.run())
        await until_async(trees.socket.exists)
        settings = {"sysfs": str(trees.sysfs), "events": trees.events, **captures.settings}
        source = Hdmi2Usb("venue", convert(settings | getattr(request, "param", {}), Settings))
        async with watching(source) as watched:
            yield watched, trees, captures.inside["2-1"]
        running.cancel()


async def until(watched: Watched, **fields: object) -> None:
    await watched.until(lambda w: all(w.get("capture", name) == value for name, value in fields.items()))


@pytest.mark.parametrize("word", [word for word in SIGNALS if word != "good"])
async def test_a_signal_is_told_while_the_video_runs(venue: tuple[Watched, Trees, Inside], word: str) -> None:
    watched, _, board = venue
    await until(watched, streams=True, signal="good", hdmi="input1: 1280x720 @ 74.25 MHz, 1280x720 asked for")
    board.firmware.signal = word
    await until(watched, signal=word)
    assert set(board.firmware.commands) == {"", "status"}


async def test_a_firmware_is_left_alone_while_no_video_runs(venue: tuple[Watched, Trees, Inside]) -> None:
    watched, trees, board = venue
    await until(watched, signal="good")
    trees.streaming.clear()
    await until(watched, streams=False)
    asked = len(board.firmware.commands)
    signal = watched.get("capture", "signal")
    assert isinstance(signal, Unknown)
    assert "while its video runs" in signal.detail
    await watched.again()
    assert len(board.firmware.commands) == asked


@pytest.mark.parametrize("venue", [{"firmware": False}], indirect=True)
async def test_a_firmware_that_may_not_be_asked_is_not(venue: tuple[Watched, Trees, Inside]) -> None:
    watched, _, board = venue
    await until(watched, streams=True)
    await watched.again()
    assert (board.firmware.commands, watched.get("capture", "streams")) == ([], True)


async def test_a_firmware_that_hangs_is_said_and_holds_up_nobody(venue: tuple[Watched, Trees, Inside]) -> None:
    watched, trees, board = venue
    await until(watched, signal="good")
    board.firmware.hung = True
    await watched.until(lambda w: isinstance(w.get("capture", "signal"), Unknown))
    signal = watched.get("capture", "signal")
    assert isinstance(signal, Unknown)
    assert (signal.why, watched.state) == (Why.UNREACHABLE, State.OK)
    trees.unplug("2-1")
    await watched.until(lambda w: not w.resources)
    board.firmware.hung = False
    trees.replug("2-1")
    await until(watched, signal="good")


async def test_a_console_that_another_program_has_is_left_to_it(venue: tuple[Watched, Trees, Inside]) -> None:
    watched, _, board = venue
    await until(watched, signal="good")
    with board._console.open("rb+", buffering=0) as theirs:
        fcntl.flock(theirs, fcntl.LOCK_EX)
        await watched.until(lambda w: isinstance(w.get("capture", "signal"), Unknown))
        asked = len(board.firmware.commands)
        await watched.again()
        assert len(board.firmware.commands) == asked
        signal = watched.get("capture", "signal")
        assert isinstance(signal, Unknown)
        assert "another program has" in signal.detail
    await until(watched, signal="good")


async def test_hostile_words_of_a_firmware_are_harmless(venue: tuple[Watched, Trees, Inside]) -> None:
    watched, _, board = venue
    board.firmware._status = lambda: ("encoder: \x1b]0;x\x07 from \u202einput1", "input1: \x9b31m1x1")  # type: ignore[method-assign]
    await watched.until(
        lambda w: isinstance(w.get("capture", "signal"), Unknown) and w.get("capture", "streams") is True
    )
    shown = watched.of("capture")
    assert isinstance(shown, CaptureBoard)
    firmware = [item.raw for item in shown.evidence if item.what == "firmware"]
    assert firmware
    assert all(char.isprintable() for char in firmware[0])


@pytest.mark.parametrize("word", [picture.MOVING, picture.STILL, picture.RED, picture.BLACK, picture.NOTHING])
async def test_a_look_says_what_the_picture_shows(venue: tuple[Watched, Trees, Inside], word: str) -> None:
    watched, trees, board = venue
    trees.streaming.clear()
    await until(watched, streams=False)
    board.show(word)
    target = watched.of("capture")
    assert isinstance(target, CaptureBoard)
    await watched.act(target, "look")
    assert watched.said[-1].startswith(word)
    assert (watched.get("capture", "picture"), watched.get("capture", "looks")) == (word, 1)
    trees.unplug("2-1")
    trees.replug("2-1")
    await until(watched, looks=0)  # what is plugged in anew is new
    assert isinstance(watched.get("capture", "picture"), Unknown)


async def test_a_look_that_fails_says_why(venue: tuple[Watched, Trees, Inside]) -> None:
    watched, trees, board = venue
    trees.streaming.clear()
    await until(watched, streams=False)
    board._camera.unlink()
    target = watched.of("capture")
    assert isinstance(target, CaptureBoard)
    with pytest.raises(OSError, match="No such file"):
        await watched.act(target, "look")
    assert isinstance(watched.get("capture", "picture"), Unknown)


def test_a_file_that_is_no_terminal_is_said(tmp_path: Path) -> None:
    (tmp_path / "tty").write_text("")
    with pytest.raises(OSError, match="ioctl"):
        firmware_console.status(str(tmp_path / "tty"))
    with pytest.raises(FileNotFoundError):
        firmware_console.status(str(tmp_path / "none"))


def test_what_a_board_needs_is_said_with_what_mends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trees = Trees(tmp_path, (), {"2-1": "opsis"})
    (tmp_path / "dev").mkdir()
    settings = Settings(sysfs=str(trees.sysfs), dev=str(tmp_path / "dev"))
    (need,) = (need for need in needs(Context("venue", settings)) if "console" in need.what)
    assert (need.met, "dialout" in need.mend) == (False, True)
    (tmp_path / "dev/ttyACM0").write_text("")
    assert all(need.met for need in needs(Context("venue", settings)))
    monkeypatch.setenv("PATH", str(tmp_path))
    (need,) = (need for need in needs(Context("venue", settings)) if not need.met)
    assert need.mend == "apt install gstreamer1.0-tools gstreamer1.0-plugins-good"


def board(**known: object) -> CaptureBoard:
    known = {"mode": "operational", "video": "/dev/video0", "looks": 0} | known
    return CaptureBoard(id=Id("venue", "capture", "2-1"), name="opsis 2-1", **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({}, ""),
        ({"streams": False}, ""),
        ({"streams": True}, "only one program"),
        ({"video": Unknown(detail="no camera driver")}, "no camera driver"),
    ],
)
def test_a_picture_can_be_looked_at_unless_its_video_is_taken(known: dict[str, object], reason: str) -> None:
    found = board(**known)
    (offer,) = inside.complete(found, inside.FirmwareReport(streams=found.streams), inside.PictureHistory()).offers
    assert reason in offer.blocked
    assert bool(reason) == bool(offer.blocked)
    with pytest.raises(Refused, match="no action"):
        inside.plan(structs.replace(offer, action="gaze"), found, ("look",))
    if reason:
        with pytest.raises(Refused, match=reason):
            inside.plan(offer, found, ("look",))
    else:
        assert inside.plan(offer, found, ("look", "/dev/video 0")).steps[0].shell == "look '/dev/video 0'"


def test_a_board_that_captures_nothing_offers_nothing() -> None:
    found = inside.complete(board(mode="jtag"), inside.NOT_ASKED, inside.PictureHistory())
    assert found.offers == ()
    assert isinstance(found.signal, Unknown)
    assert (found.signal.why, found.signal.detail) == (Why.NOT_APPLICABLE, "it captures nothing in jtag mode")
    with pytest.raises(Refused, match="jtag mode"):
        inside.plan(Offer(found.id, "look", "look"), found, ("look",))
