"""The line protocol between the PulseAudio backend and its child: one JSON object a line.

One of the seams where the embedded venue stands in for a real system: `child` speaks it for libpulse. The child first
names the server that it calls (child_process.At). Then it reads the server and reports at every change, at least every
`BEAT` seconds, and on child_process.Look:

    {"server": "pulseaudio 16.1", "run": 71355, "sinks": {"zone1": 0}, "streams": [SinkInput...]}

A report is always complete. A child that was started with `obey` reports once, makes the one move that it receives, and
reports again:

    {"stream": 3, "to": 0}

A failure is its last message, with libpulse's error number (pulse/def.h, pa_error_code; 0: libpulse cannot be used):

    {"failed": 6, "says": "Connection refused"}
"""

from __future__ import annotations

from msgspec import Struct

BEAT = 1.5  # seconds; after three of them without a message the server counts as hung


class SinkInput(Struct, frozen=True):
    """A sink input. `sink` is "" while it is between two sinks. `asked` is the sink that its client requested ("": the
    server does not keep it; PipeWire does). Its client reports `pid` and `here` (it runs on this machine). `volume` in
    percent."""

    index: int
    sink: str = ""
    program: str = ""
    pid: str = ""
    here: bool = False
    volume: int = 100
    mute: bool = False
    corked: bool = False
    asked: str = ""


class ServerReport(Struct, frozen=True):
    """`run` identifies one run of the server: an index is unique within it. `sinks` maps names to indices."""

    server: str
    run: int
    sinks: dict[str, int]
    streams: tuple[SinkInput, ...]


class Move(Struct, frozen=True):
    """Stream and sink by their indices."""

    stream: int
    to: int


class Failure(Struct, frozen=True):
    failed: int
    says: str = ""
