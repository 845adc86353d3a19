"""The line protocol between the ALSA backend and its mixer child: one JSON object a line, both ways.

One of the three seams where files cannot stand in for the kernel: `mixer_child` speaks it for libasound, the
embedded venue's stand-in speaks it for its own mixers.

The child reports at start, at every change (within 100 ms) and at least every `BEAT` seconds:

    {"controls": [Fader...], "failed": {"zone3": "Connection refused"}}

A report is always complete: a fader left out is gone, except those of a device in `failed`, which exists and does not
answer. The child names each device before it calls it, and sends "" before it lists them (child_process.At). On
child_process.Look it opens everything again and reports. The parent sends requests; the child replies to each with the
same number when it is done:

    {"ask": 7, "do": "read",  "device": "zone1", "control": "Master", "index": 0}
    {"ask": 8, "do": "mute",  "device": "zone1", "control": "Master", "index": 0, "value": true}
    {"ask": 9, "do": "level", "device": "zone1", "control": "Master", "index": 0, "value": 40}
    {"reply": 7, "fader": Fader}            {"reply": 9, "error": "Connection refused"}

A reply comes from a newly opened mixer, because an open one answers from its cache after its device has died.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

BEAT = 1.5  # seconds; after three of them without a message the child counts as hung in the device that it named last


class Fader(Struct, frozen=True):
    """A playback control. `level` in percent of its range, which has `steps` steps; `gain` in dB. None: the control has
    no such property. `names` are the names of its card or device."""

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


class MixerRequest(Struct, frozen=True):
    ask: int
    do: Literal["read", "mute", "level"]
    device: str
    control: str
    index: int = 0
    value: int | bool | None = None


class MixerReply(Struct, frozen=True, omit_defaults=True):
    reply: int
    fader: Fader | None = None
    error: str = ""


class MixerReport(Struct, frozen=True):
    controls: tuple[Fader, ...]
    failed: dict[str, str] = {}
