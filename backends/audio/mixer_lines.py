"""The line protocol between the ALSA backend and its mixer child: one JSON object a line, both ways.

One of the three seams where files cannot stand in for the kernel: `mixer_child` speaks it for libasound, the
embedded venue's stand-in speaks it for its own mixers.

The child says, at start, at every change (within 100 ms) and at least every `BEAT` seconds:

    {"controls": [Fader...], "failed": {"zone3": "Connection refused"}}

which is always everything: a fader left out is gone, except those of a device in `failed`, which is there and does
not answer. Before it turns to a device it names it, and "" before it lists them (child_process.At). Told to look
(child_process.Look), it opens everything afresh and says what it reads. The parent asks, and the child answers with the
same number when it is done:

    {"ask": 7, "do": "read",  "device": "zone1", "control": "Master", "index": 0}
    {"ask": 8, "do": "mute",  "device": "zone1", "control": "Master", "index": 0, "value": true}
    {"ask": 9, "do": "level", "device": "zone1", "control": "Master", "index": 0, "value": 40}
    {"reply": 7, "fader": Fader}            {"reply": 9, "error": "Connection refused"}

A reply comes from a mixer opened afresh, because an open one answers from its cache after its device has died.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

BEAT = 1.5  # seconds; after three of them without a word the child counts as hung, by the device that it named last


class Fader(Struct, frozen=True):
    """A playback control. `level` in percent of its range, which has `steps` steps; `gain` in dB; None where the
    control has no such thing. `names` are the names its card or device goes by."""

    device: str
    control: str
    index: int = 0
    names: tuple[str, ...] = ()
    level: int | None = None
    gain: float | None = None
    mute: bool | None = None
    steps: int = 0

    @property
    def key(self) -> tuple[str, str, int]:
        return self.device, self.control, self.index


class Ask(Struct, frozen=True):
    ask: int
    do: Literal["read", "mute", "level"]
    device: str
    control: str
    index: int = 0
    value: int | bool | None = None


class Reply(Struct, frozen=True, omit_defaults=True):
    reply: int
    fader: Fader | None = None
    error: str = ""


class Told(Struct, frozen=True):
    controls: tuple[Fader, ...]
    failed: dict[str, str] = {}
