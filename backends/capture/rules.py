"""The rules about the capture chain."""

from __future__ import annotations

import time

from backends.capture import firmware, picture
from backends.contract import Evidence, Finding, Gone, Remedy, Rule, Severity, Unknown, Verdict, View, Why
from backends.kinds import CaptureBoard, Mixer

# Why a board in this mode captures nothing, and what to do. Modes from the boards' USB identities.
MODES = {
    "jtag": ("its FPGA is being programmed", "stop the flashing tool, then power-cycle it"),
    "eeprom": ("its USB chip's EEPROM is being programmed", "stop the flashing tool, then power-cycle it"),
    "serial": ("only its serial port is on", "switch it back: hdmi2usb-mode-switch, then power-cycle it"),
    "unconfigured": ("its gateware is missing or still booting", "wait 30 s, then power-cycle it; else flash it"),
    "test": ("it runs a test firmware", "power-cycle it; flash the capture firmware if it comes back so"),
}


def not_operational(board: CaptureBoard | Gone, view: View) -> Verdict:
    """A board is plugged in, but its mode gives no video."""
    if isinstance(board, Gone):
        return Verdict()
    if isinstance(board.mode, Unknown):
        return Verdict(undecided=True)
    if board.mode == "operational":
        return Verdict()
    why, remedy = MODES.get(board.mode.partition("-")[0], ("this mode has no video", "power-cycle it"))
    finding = Finding(
        "CAPTURE-NOT-OPERATIONAL",
        Severity.CRIT,
        board.id,
        f"{board.name} captures nothing: it is in {board.mode} mode, {why}",
        board.evidence,
        remedies=(Remedy(f"{remedy} (USB port {_text(board.port)})"),),
    )
    return Verdict((finding,))


SETTLED = 4.0  # seconds: a signal must be reported twice, because locking again takes 1 to 2 s
SIGNALS = {  # code, cause and remedy for each word for a board's HDMI signal
    firmware.NONE: ("CAPTURE-NO-SIGNAL", "it receives no HDMI signal", "wake the computer, or plug in its HDMI cable"),
    firmware.UNLOCKED: (
        "CAPTURE-NO-LOCK",
        "it receives a clock, but cannot lock to the picture",
        "reseat the HDMI cable at both ends, then try another cable",
    ),
    firmware.OTHER: (
        "CAPTURE-WRONG-MODE",
        "the computer sends a resolution that the board did not ask for",
        "set the computer to that resolution, or reconnect it so that it reads the board's EDID again",
    ),
    firmware.OFF: ("CAPTURE-INPUT-OFF", "its selected input is switched off", "switch it on at the board's console"),
    firmware.PATTERN: ("CAPTURE-TEST-PATTERN", "it shows its test pattern", "connect an input to its encoder"),
}
PICTURES = {  # the same for a picture that an operator took
    picture.NOTHING: ("CAPTURE-NO-PICTURE", "no picture came from it"),
    picture.RED: ("CAPTURE-RED", "its picture is the red that it shows without an HDMI signal"),
    picture.BLACK: ("CAPTURE-BLACK", "its picture is black"),
    picture.STILL: ("CAPTURE-FROZEN", "its picture stands still"),
}


def no_signal(board: CaptureBoard | Gone, view: View) -> Verdict:
    """A board's video runs without a usable HDMI signal."""
    if isinstance(board, Gone) or board.mode != "operational":
        return Verdict()
    if isinstance(board.signal, Unknown):
        soon = view.now + 1 if board.signal.why is Why.NOT_YET else None
        return Verdict(undecided=board.signal.why is not Why.NOT_APPLICABLE, recheck_at=soon)
    if board.signal not in SIGNALS:
        return Verdict()
    since, _ = view.since(board, "signal")
    if board.at - since < SETTLED:
        return Verdict(undecided=True, recheck_at=since + SETTLED)
    code, cause, remedy = SIGNALS[board.signal]
    text = f"{board.name} gives no usable picture: {cause} ({_text(board.hdmi)})"
    doubt = "whether the computer, the cable or the board's input fails" if board.signal != firmware.PATTERN else ""
    return Verdict((Finding(code, Severity.CRIT, board.id, text, board.evidence, doubt, (Remedy(remedy),)),))


def firmware_hangs(board: CaptureBoard | Gone, view: View) -> Verdict:
    """A board's video runs, and its firmware does not answer."""
    if isinstance(board, Gone) or board.streams is not True or not isinstance(board.signal, Unknown):
        return Verdict(undecided=isinstance(board, CaptureBoard) and isinstance(board.streams, Unknown))
    if board.signal.why is not Why.UNREACHABLE:
        return Verdict()
    since, _ = view.since(board, "signal")
    if board.at - since < SETTLED:
        return Verdict(undecided=True, recheck_at=since + SETTLED)
    text = f"{board.name}: {board.signal.detail}"
    remedy = Remedy(f"after the talk, power-cycle it (USB port {_text(board.port)})")
    doubt = "whether it has an HDMI signal, and whether its picture moves: look at its mixer"
    return Verdict(
        (Finding("CAPTURE-FIRMWARE-HANGS", Severity.WARN, board.id, text, board.evidence, doubt, (remedy,)),)
    )


def poor_picture(board: CaptureBoard | Gone, view: View) -> Verdict:
    """The last pictures that an operator took of a board show a fault. Stands until the next pictures."""
    if isinstance(board, Gone) or isinstance(board.picture, Unknown) or board.picture not in PICTURES:
        return Verdict()
    if board.picture == picture.RED and isinstance(board.signal, str):  # its firmware reports the present state
        return Verdict()
    code, cause = PICTURES[board.picture]
    still = board.picture == picture.STILL
    seen = next(iter(board.proof("picture")), None)
    when = time.strftime(" at %H:%M:%S", time.localtime(seen.at)) if seen else ""
    remedies = (
        Remedy("check that something moves in the picture" if still else "check what is plugged into its HDMI input"),
        Remedy("look again", "look", board.id),
        Remedy(f"else power-cycle it (USB port {_text(board.port)})"),
    )
    doubt = "how it is now: it was looked at once" + ("; a slide stands still too" if still else "")
    severity = Severity.WARN if still else Severity.CRIT
    return Verdict(
        (Finding(code, severity, board.id, f"{board.name}: {cause}{when}", board.evidence, doubt, remedies),)
    )


def board_gone(board: CaptureBoard | Gone, view: View) -> Verdict:
    """A board that was present, or is expected, is not on the bus."""
    if not isinstance(board, Gone):
        return Verdict()
    last = board.last if isinstance(board.last, CaptureBoard) else None
    port = _text(last.port) if last else board.id.local
    seen = last.evidence if last else ()
    finding = Finding(
        "CAPTURE-BOARD-GONE",
        Severity.CRIT,
        board.id,
        f"{last.name} is gone from USB port {port}" if last else f"the board expected at USB port {port} is missing",
        (*seen, Evidence("missing", "sysfs bus/usb/devices", board.since)),
        not_known="whether its power supply, its cable or the board failed",
        remedies=(Remedy(f"check its power supply and its cable, then plug it into USB port {port} again"),),
    )
    return Verdict((finding,))


def blanked(mixer: Mixer | Gone, view: View) -> Verdict:
    """Viewers see the stream blanker's picture instead of the mix."""
    if isinstance(mixer, Gone):
        return Verdict()
    if isinstance(mixer.stream, Unknown):
        return Verdict(undecided=True)
    if not mixer.stream.startswith("blank"):
        return Verdict()
    turned = next(iter(mixer.proof("stream turned")), None)
    since = time.strftime("%H:%M:%S", time.localtime(turned.at)) if turned else ""
    finding = Finding(
        "MIX-STREAM-BLANKED",
        Severity.WARN,
        mixer.id,
        f"viewers see {mixer.stream.removeprefix('blank ')!r}, not the talk" + (f", since {since}" if since else ""),
        mixer.evidence,
        not_known="" if since else "since when: it was blank when first seen, and a restarted voctocore starts blank",
        remedies=(Remedy("put the stream live when the talk begins", "live", mixer.id),),
    )
    return Verdict((finding,))


def _text(value: str | Unknown) -> str:
    return "unknown" if isinstance(value, Unknown) else value


BOARD_RULES = (
    Rule("capture-not-operational", "capture", not_operational),
    Rule("capture-board-gone", "capture", board_gone),
    Rule("capture-no-signal", "capture", no_signal),
    Rule("capture-firmware-hangs", "capture", firmware_hangs),
    Rule("capture-poor-picture", "capture", poor_picture),
)
MIXER_RULES = (Rule("mix-stream-blanked", "mixer", blanked),)
