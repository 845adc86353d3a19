"""What the capture chain's state means."""

from __future__ import annotations

import time

from backends.contract import Evidence, Finding, Gone, Remedy, Rule, Severity, Unknown, Verdict, View
from backends.kinds import CaptureBoard, Mixer

# Why a board in this mode captures nothing, and what to do. Modes from the boards' USB identities.
MODES = {
    "jtag": ("its FPGA is being programmed", "end the programming, then power-cycle it"),
    "eeprom": ("its USB chip's EEPROM is being programmed", "end the programming, then power-cycle it"),
    "serial": ("only its serial port is on", "switch it back: hdmi2usb-mode-switch, then power-cycle it"),
    "unconfigured": ("its gateware is missing or still booting", "wait 30 s, then power-cycle it; else flash it"),
    "test": ("it runs a test firmware", "power-cycle it; flash the capture firmware if it comes back so"),
}


def not_operational(board: CaptureBoard | Gone, view: View) -> Verdict:
    """A board that is plugged in but in a mode that gives no video."""
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


def board_gone(board: CaptureBoard | Gone, view: View) -> Verdict:
    """A board that was there, or is expected, and has left the bus."""
    if not isinstance(board, Gone):
        return Verdict()
    last = board.last if isinstance(board.last, CaptureBoard) else None
    port = _text(last.port) if last else board.id.local
    seen = last.evidence if last else ()
    finding = Finding(
        "CAPTURE-BOARD-GONE",
        Severity.CRIT,
        board.id,
        f"{last.name if last else board.id.local} left USB port {port}" if last else f"nothing on USB port {port}",
        (*seen, Evidence("missing", "sysfs bus/usb/devices", board.since)),
        not_known="whether its power, its cable or the board itself failed",
        remedies=(Remedy(f"check its power and its cable, then replug USB port {port}"),),
    )
    return Verdict((finding,))


def blanked(mixer: Mixer | Gone, view: View) -> Verdict:
    """Viewers see the blanker's picture instead of the mix."""
    if isinstance(mixer, Gone):
        return Verdict()
    if isinstance(mixer.stream, Unknown):
        return Verdict(undecided=True)
    if not mixer.stream.startswith("blank"):
        return Verdict()
    turned = next((item for item in mixer.evidence if item.what == "stream turned"), None)
    since = time.strftime("%H:%M:%S", time.localtime(turned.at)) if turned else ""
    finding = Finding(
        "MIX-STREAM-BLANKED",
        Severity.WARN,
        mixer.id,
        f"viewers see {mixer.stream.removeprefix('blank ')!r}, not the mix" + (f", since {since}" if since else ""),
        mixer.evidence,
        not_known="" if since else "since when: it was so when first seen; a core that restarts comes up blanked",
        remedies=(Remedy("put the stream live when the talk begins", "live", mixer.id),),
    )
    return Verdict((finding,))


def _text(value: str | Unknown) -> str:
    return "unknown" if isinstance(value, Unknown) else value


BOARD_RULES = (
    Rule("capture-not-operational", "capture", not_operational),
    Rule("capture-board-gone", "capture", board_gone),
)
MIXER_RULES = (Rule("mix-stream-blanked", "mixer", blanked),)
