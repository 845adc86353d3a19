"""What an HDMI2USB board's firmware says of its HDMI inputs, in its three generations. Pure.

Shapes of its answers to `status`: logs and issues of HDMI2USB's firmware from 2015 to 2020 (its file status.c). No
signal is a size of 0x0: the firmware has no words for it. A clock without a size is a cable with something at its
other end, on which the receiver does not lock.
"""

from __future__ import annotations

import re

from msgspec import Struct

GOOD, NONE, UNLOCKED, OTHER, OFF, PATTERN = "good", "none", "no lock", "wrong mode", "input off", "test pattern"
SLOWEST = 20.0  # MHz: a slower pixel clock is an open input's noise (the slowest mode of HDMI has 25.2)
SMALLEST = 100  # pixels: a size below it is one that the receiver has not measured to its end

_INPUT = re.compile(r"^(input\d|dvi_in): +(\d+)x(\d+)(?: \(@ ?([\d.]+) ?([kM])Hz\))?(.*)", re.MULTILINE).finditer
_ENCODER = re.compile(r"^encoder: .* from (\w+)", re.MULTILINE).search
_WANTED = re.compile(r"^EDID primary mode: +(\d+)x(\d+)@", re.MULTILINE).search


class Input(Struct, frozen=True):
    """One HDMI input: the size in pixels and the pixel clock in MHz (None: not said) that its receiver measures."""

    name: str
    width: int
    height: int
    clock: float | None = None
    off: bool = False

    def __str__(self) -> str:
        clock = "" if self.clock is None else f" @ {self.clock:.2f} MHz"
        return f"{self.name}: {self.width}x{self.height}{clock}"


class Status(Struct, frozen=True):
    """What the answer to `status` tells. `encoded` is what the board's video shows: an input's name, or "pattern" ("":
    not said). `wanted` is the size that the board asks a computer for, in its EDID (None: not said)."""

    inputs: tuple[Input, ...]
    encoded: str = ""
    wanted: tuple[int, int] | None = None


def read(said: str) -> Status:
    """An answer, whatever else stands between its lines. Without inputs where it is none."""
    encoder, wanted = _ENCODER(said), _WANTED(said)
    return Status(
        tuple(
            Input(name, int(width), int(height), _clock(clock, unit), "(disabled)" in rest)
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


def shown(status: Status) -> Input | None:
    """The input that the board's video shows: the one that is encoded or, where nothing says which, the first that has
    something, or else the first. None where it shows its test pattern, or nothing was read."""
    if status.encoded:
        return next((each for each in status.inputs if each.name == status.encoded), None)
    return next((each for each in status.inputs if each.width), next(iter(status.inputs), None))


def signal(status: Status) -> str | None:
    """How that input's signal is, in a word; None where it cannot be told."""
    if status.encoded == "pattern":
        return PATTERN
    seen = shown(status)
    if seen is None:
        return None
    if seen.off:
        return OFF
    if not seen.width and not seen.height and (seen.clock is None or seen.clock < SLOWEST):
        return NONE
    if min(seen.width, seen.height) < SMALLEST:
        return UNLOCKED
    return OTHER if status.wanted not in (None, (seen.width, seen.height)) else GOOD
