"""What is judged of a capture board that captures: its signal, its firmware, and the picture that somebody saw."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from backends.capture import firmware, picture
from backends.capture.rules import PICTURES, SETTLED, SIGNALS, firmware_hangs, no_signal, poor_picture
from backends.contract import Evidence, Gone, Id, Severity, Unknown, Why
from backends.kinds import CaptureBoard
from tests.backends.worlds import FakeView

OPSIS = CaptureBoard(
    id=Id("h", "capture", "1-3"), name="opsis 1-3", at=1000.0, mode="operational", streams=True, signal="good",
    hdmi="input1: 1280x720 @ 74.25 MHz", port="1-3", picture=Unknown(Why.NOT_APPLICABLE), looks=0,
)  # fmt: skip
IDLE = Unknown(Why.NOT_APPLICABLE, "while its video runs")
HUNG = Unknown(Why.UNREACHABLE, "its firmware does not answer on /dev/ttyACM0")
DENIED = Unknown(Why.DENIED, "/dev/ttyACM0 may not be opened")


def but(board: CaptureBoard, **changes: Any) -> CaptureBoard:
    return structs.replace(board, **changes)


def settled(board: CaptureBoard) -> FakeView:
    """It has been so for long enough."""
    return FakeView(past={board.id: [(SETTLED, board)]})


@pytest.mark.parametrize("word", SIGNALS)
def test_a_signal_that_gives_no_picture_is_named_once_it_was_told_twice(word: str) -> None:
    board = but(OPSIS, signal=word, hdmi="input1: 0x0")
    (finding,) = no_signal(board, settled(board)).findings
    assert (finding.code, finding.severity) == (SIGNALS[word][0], Severity.CRIT)
    assert SIGNALS[word][1] in finding.cause
    assert "input1: 0x0" in finding.cause
    verdict = no_signal(board, FakeView(past={board.id: [(1.0, board), (60.0, OPSIS)]}))
    assert (verdict.findings, verdict.undecided, verdict.recheck_at) == ((), True, 999.0 + SETTLED)


@pytest.mark.parametrize(
    ("board", "undecided", "again"),
    [
        (OPSIS, False, None), (but(OPSIS, signal=IDLE), False, None), (but(OPSIS, signal=Unknown()), True, 1001.0),
        (but(OPSIS, signal=HUNG), True, None), (but(OPSIS, signal=DENIED), True, None),
        (but(OPSIS, mode="jtag", signal="none"), False, None), (Gone(OPSIS.id, OPSIS, 990.0), False, None),
    ],
)  # fmt: skip
def test_no_signal_is_named_of_any_other(board: CaptureBoard | Gone, undecided: bool, again: float | None) -> None:
    verdict = no_signal(board, FakeView(past={OPSIS.id: [(60.0, OPSIS)]}))
    assert (verdict.findings, verdict.undecided, verdict.recheck_at) == ((), undecided, again)


@pytest.mark.parametrize(
    ("changes", "named", "undecided"),
    [
        ({"signal": HUNG}, True, False), ({"signal": DENIED}, False, False), ({}, False, False),
        ({"signal": IDLE, "streams": False}, False, False), ({"signal": HUNG, "streams": Unknown()}, False, True),
    ],
)  # fmt: skip
def test_a_firmware_that_hangs_is_named(changes: Any, named: bool, undecided: bool) -> None:
    board = but(OPSIS, **changes)
    verdict = firmware_hangs(board, settled(board))
    assert [finding.code for finding in verdict.findings] == ["CAPTURE-FIRMWARE-HANGS"] * named
    assert verdict.undecided is undecided
    if named:
        assert firmware_hangs(board, FakeView(past={board.id: [(1.0, board)]})).undecided


@pytest.mark.parametrize("word", PICTURES)
def test_a_picture_that_shows_nothing_is_named_with_when_it_was_seen(word: str) -> None:
    seen = Evidence("picture", "/dev/video0", 950.0, word)
    board = but(OPSIS, streams=False, signal=IDLE, picture=word, evidence=(seen,))
    (finding,) = poor_picture(board, FakeView()).findings
    assert finding.code == PICTURES[word][0]
    assert finding.severity is (Severity.WARN if word == picture.STILL else Severity.CRIT)
    assert ":15:50" in finding.cause  # 950 s, in whatever time zone
    assert ("look", board.id) in [(remedy.action, remedy.target) for remedy in finding.remedies]


@pytest.mark.parametrize(
    "board",
    [
        OPSIS, but(OPSIS, picture=picture.MOVING), Gone(OPSIS.id, OPSIS, 990.0),
        but(OPSIS, picture=picture.RED), but(OPSIS, picture=picture.RED, signal=firmware.NONE),  # its firmware tells
    ],
)  # fmt: skip
def test_no_picture_is_named_of_any_other(board: CaptureBoard | Gone) -> None:
    assert poor_picture(board, FakeView()).findings == ()
