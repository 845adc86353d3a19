"""The line protocol between the `usb` backend and its tone child: one JSON object a line, and one child for a tone.

The parent asks once. The child tells what it plays when it begins and when that is over, or why it cannot. It names
the card before it turns to it, and while it plays at least every `BEAT` seconds:

    {"at": ""}
    {"play": "plughw:bar,0"}
    {"at": "plughw:bar,0"}
    {"playing": ["plughw:bar,0"]}
    {"playing": []}                                     {"playing": [], "error": "Device or resource busy"}
"""

from __future__ import annotations

from msgspec import Struct

HERTZ, DECIBEL, SECONDS = 880, -20, 3.0  # DECIBEL: below the loudest that the card can be given, before its own mixer

BEAT = 1.0  # seconds


class Ask(Struct, frozen=True):
    play: str


class Told(Struct, frozen=True):
    playing: tuple[str, ...] = ()
    error: str = ""
