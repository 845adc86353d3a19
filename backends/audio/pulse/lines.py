"""The line protocol between the PulseAudio backend and its child: one JSON object a line.

One of the seams where the embedded venue stands in for a real system: `child` speaks it for libpulse. The child says
which server it turns to (child_process.At). Then, at every change and at least every `BEAT` seconds, having asked the
server anew each time, and when it is told to look (child_process.Look):

    {"server": "pulseaudio 16.1", "run": 71355, "sinks": {"zone1": 0}, "streams": [Playing...]}

which is always everything. One that was started to obey says it once, does the one thing that it is then told, and
says it again:

    {"stream": 3, "to": 0}

Whatever fails is its last word, with libpulse's number for it (pulse/def.h, pa_error_code; 0: libpulse cannot be used):

    {"failed": 6, "says": "Connection refused"}
"""

from __future__ import annotations

from msgspec import Struct

BEAT = 1.5  # seconds; after three of them without a word the server counts as hung


class Playing(Struct, frozen=True):
    """A sink input. `sink` is "" while it is between two, `asked` the one that its client asked for ("": the server has
    not kept it; PipeWire does). `pid` is what its client says of itself, `here` whether it says that it runs on this
    machine; `volume` in percent."""

    index: int
    sink: str = ""
    program: str = ""
    pid: str = ""
    here: bool = False
    volume: int = 100
    mute: bool = False
    corked: bool = False
    asked: str = ""


class Told(Struct, frozen=True):
    """`run` is the server's mark for the time from its start to its end: an index means the same within it. `sinks`
    maps names to indices."""

    server: str
    run: int
    sinks: dict[str, int]
    streams: tuple[Playing, ...]


class Move(Struct, frozen=True):
    """Stream and sink by their indices."""

    stream: int
    to: int


class Failed(Struct, frozen=True):
    failed: int
    says: str = ""
