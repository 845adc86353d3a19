"""The inside of a capture board: whether its video runs, its firmware's report about the HDMI signal, and the pictures
that an operator took."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct, structs

from backends import sysfs
from backends.capture import firmware, firmware_console
from backends.capture.picture import COUNT, LONGEST, PictureReport
from backends.clock import MACHINE
from backends.contract import Evidence, Expect, Offer, Plan, Refused, Step, Unknown, Why, clean
from backends.kinds import CaptureBoard, Flag, Text

MOMENT, MANY = 0.3, 50  # seconds, and transfers per second: a camera makes hundreds, a console a few
ANSWER = 5 * firmware_console.ANSWER + MOMENT  # seconds
LOOK = "look"
EARLY = "its firmware is asked only while its video runs: before, that would keep the video from starting"
WORDS = ("input", "dvi_in", "EDID primary", "encoder")  # the starts of the lines about the signal


class FirmwareReport(Struct, frozen=True):
    """Whether the video runs, and the firmware's report about the signal: in a word (`signal`), as measured (`hdmi`),
    as text (`said`), and its time."""

    streams: Flag = Unknown()
    signal: Text = Unknown()
    hdmi: Text = Unknown()
    said: str = ""
    at: float = 0.0


class PictureHistory(Struct, frozen=True):
    """How often pictures were taken, the last result, and its time."""

    count: int = 0
    look: PictureReport | None = None
    at: float = 0.0


NOT_ASKED = FirmwareReport()


def ask(device: Path, console: str, may: bool) -> FirmwareReport:
    """Whether the video of the board runs and, if it does and `may`, its firmware's report. `device` is the board's
    folder in sysfs. Blocking."""
    before, begun = sysfs.number(device, "urbnum"), time.monotonic()
    time.sleep(MOMENT)
    streams = runs(before, sysfs.number(device, "urbnum"), time.monotonic() - begun)
    if streams is not True:
        early = Unknown(Why.NOT_APPLICABLE, EARLY) if streams is False else streams
        return FirmwareReport(streams, early, early)
    if not (console and may):
        none = Unknown(
            Why.NOT_APPLICABLE, "its firmware may not be asked (`firmware`)" if console else "it has no console"
        )
        return FirmwareReport(streams, none, none)
    try:
        return signal_report(firmware_console.status(console), MACHINE.now())
    except OSError as error:
        return failure_report(error, console)


def runs(before: int | Unknown, after: int | Unknown, seconds: float) -> Flag:
    """Whether a device's video runs, by the number of transfers in this time (sysfs-bus-usb: urbnum)."""
    if isinstance(before, Unknown):
        return before
    if isinstance(after, Unknown):
        return after
    return (after - before) / seconds > MANY


def signal_report(said: str, at: float) -> FirmwareReport:
    """The report from a firmware's answer, while the video runs."""
    status = firmware.read(said)
    shown, word = firmware.signal(status), firmware.shown_input(status)
    if shown is None:
        strange = Unknown(Why.MALFORMED, "its firmware's answer names no input")
        return FirmwareReport(True, strange, strange, clean(said), at)
    wanted = f", {status.wanted[0]}x{status.wanted[1]} asked for" if status.wanted else ""
    lines = [line.strip() for line in said.splitlines() if line.startswith(WORDS)]
    return FirmwareReport(True, shown, f"{word or status.encoded}{wanted}", clean("; ".join(lines), 400), at)


def failure_report(error: Exception, console: str) -> FirmwareReport:
    """The report of a board whose video runs and whose firmware did not answer."""
    match error:
        case BlockingIOError():
            why = Unknown(Why.NOT_YET, f"another program has {console} now")
        case PermissionError():
            why = Unknown(Why.DENIED, f"no permission to open {console}: run `foh doctor`")
        case TimeoutError():
            why = Unknown(Why.UNREACHABLE, f"its firmware does not answer on {console}")
        case _:
            why = Unknown(Why.UNREACHABLE, clean(error))
    return FirmwareReport(True, why, why)


def complete(board: CaptureBoard, report: FirmwareReport, seen: PictureHistory) -> CaptureBoard:
    """The board with what is known of its inside, and its offers."""
    if board.mode != "operational":
        none = Unknown(Why.NOT_APPLICABLE, f"it captures nothing in {board.mode} mode")
        return structs.replace(board, streams=none, signal=none, hdmi=none, picture=none, looks=none)
    evidence = [Evidence("firmware", f"{board.console}: status", report.at, report.said)] if report.said else []
    unseen = Unknown(Why.NOT_APPLICABLE, f"no picture taken yet: use the action `{LOOK}`")
    if seen.look:
        evidence.append(Evidence("picture", f"{board.video}", seen.at, str(seen.look)))
    known = structs.replace(
        board,
        streams=report.streams,
        signal=report.signal,
        hdmi=report.hdmi,
        picture=seen.look.word if seen.look else unseen,
        looks=seen.count,
        evidence=(*board.evidence, *evidence),
    )
    return structs.replace(known, offers=(Offer(board.id, LOOK, "look at its picture", blocked=blocked(known)),))


def blocked(board: CaptureBoard) -> str:
    """Why no picture can be taken, or ""."""
    if isinstance(board.video, Unknown):
        return board.video.detail
    return "its video runs, and only one program can have it" if board.streams is True else ""


def plan(offer: Offer, board: CaptureBoard, argv: Sequence[str]) -> Plan:
    """Raises Refused."""
    if offer.action != LOOK:
        raise Refused(f"there is no action {clean(offer.action, 40)}")
    if reason := blocked(board):
        raise Refused(reason)
    if isinstance(board.looks, Unknown):
        raise Refused(f"it is in {board.mode} mode")
    text = f"take {COUNT} pictures of {board.video}, and see what they show"
    step = Step(LOOK, {"port": board.id.local}, tuple(argv), text)
    return Plan(
        offer,
        {},
        (step,),
        (Expect(board.id, "looks", board.looks + 1, LONGEST + 5),),
        ("no other program can use its video meanwhile",),
        board.evidence,
    )
