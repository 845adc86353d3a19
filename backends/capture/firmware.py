"""Parses an HDMI2USB firmware's answers about its HDMI inputs, in its three generations. Pure.

Shapes of its answers to `status`: logs and issues of HDMI2USB's firmware from 2015 to 2020 (its file status.c). The
firmware reports no signal as a size of 0x0. A clock without a size means that a device is connected, but the receiver
does not lock.
"""

from __future__ import annotations

import re

from msgspec import Struct

GOOD, NONE, UNLOCKED, OTHER, OFF, PATTERN = "good", "none", "no lock", "wrong mode", "input off", "test pattern"
SLOWEST = 20.0  # MHz: a slower pixel clock is an open input's noise (the slowest mode of HDMI has 25.2)
SMALLEST = 100  # pixels: a smaller size is an incomplete measurement of the receiver

_INPUT = re.compile(r"^(input\d|dvi_in): +(\d+)x(\d+)(?: \(@ ?([\d.]+) ?([kM])Hz\))?(.*)", re.MULTILINE).finditer
_ENCODER = re.compile(r"^encoder: .* from (\w+)", re.MULTILINE).search
_WANTED = re.compile(r"^EDID primary mode: +(\d+)x(\d+)@", re.MULTILINE).search


class HdmiInput(Struct, frozen=True):
    """One HDMI input: the size in pixels and the pixel clock in MHz (None: not reported) that its receiver measures."""

    name: str
    width: int
    height: int
    clock: float | None = None
    off: bool = False

    def __str__(self) -> str:
        clock = "" if self.clock is None else f" @ {self.clock:.2f} MHz"
        return f"{self.name}: {self.width}x{self.height}{clock}"


class FirmwareStatus(Struct, frozen=True):
    """The answer to `status`. `encoded` is what the board's video shows: an input's name, or "pattern" ("": not
    reported). `wanted` is the size that the board requests in its EDID (None: not reported)."""

    inputs: tuple[HdmiInput, ...]
    encoded: str = ""
    wanted: tuple[int, int] | None = None


def read(said: str) -> FirmwareStatus:
    """Parses an answer and ignores other lines. The result has no inputs if it is not an answer."""
    encoder, wanted = _ENCODER(said), _WANTED(said)
    return FirmwareStatus(
        tuple(
            HdmiInput(name, int(width), int(height), _clock(clock, unit), "(disabled)" in rest)
            for name, width, height, clock, unit, rest in (found.groups() for found in _INPUT(said))
        ),
        encoder[1] if encoder else "",
        (int(wanted[1]), int(wanted[2])) if wanted else None,
    )


def _clock(number: str | None, unit: str | None) -> float | None:
    try:
        return float(number) / (1000 if unit == "k" else 1) if number else None
    except ValueError:  # "1.2.3"
        return None


def shown_input(status: FirmwareStatus) -> HdmiInput | None:
    """The input that the board's video shows: the encoded one; if that is not reported, the first with a signal, else
    the first. None if it shows its test pattern, or no input was read."""
    if status.encoded:
        return next((each for each in status.inputs if each.name == status.encoded), None)
    return next((each for each in status.inputs if each.width), next(iter(status.inputs), None))


def signal(status: FirmwareStatus) -> str | None:
    """The state of that input's signal in a word; None if unknown."""
    if status.encoded == "pattern":
        return PATTERN
    seen = shown_input(status)
    if seen is None:
        return None
    if seen.off:
        return OFF
    if not seen.width and not seen.height and (seen.clock is None or seen.clock < SLOWEST):
        return NONE
    if min(seen.width, seen.height) < SMALLEST:
        return UNLOCKED
    return OTHER if status.wanted not in (None, (seen.width, seen.height)) else GOOD
