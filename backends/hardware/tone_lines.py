"""The line protocol between the `usb` backend and its tone child: one JSON object a line, and one child for each tone.

The parent sends one request. The child reports when the tone starts and when it ends, or why it failed. It names the
card before it opens it, and at least every `BEAT` seconds while it plays:

    {"at": ""}
    {"play": "plughw:bar,0"}
    {"at": "plughw:bar,0"}
    {"playing": ["plughw:bar,0"]}
    {"playing": []}                                     {"playing": [], "error": "Device or resource busy"}
"""

from __future__ import annotations

from msgspec import Struct

HERTZ, DECIBEL, SECONDS = 880, -20, 3.0  # DECIBEL: relative to full scale, before the card's mixer

BEAT = 1.0  # seconds


class ToneRequest(Struct, frozen=True):
    play: str


class ToneReport(Struct, frozen=True):
    playing: tuple[str, ...] = ()
    error: str = ""
