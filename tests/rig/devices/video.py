"""A USB camera of the first video class that gives compressed pictures (Motion JPEG), and the pictures.

It has one format and one size, and refuses GET_DEF, as a log shows that the capture boards' firmware does.
"""

from __future__ import annotations

import struct
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.rig.devices import descriptors as d
from tests.rig.devices.device import Request

WIDTH, HEIGHT, PER_SECOND = 1280, 720, 25
EVERY = 10_000_000 // PER_SECOND  # between two pictures, in the class's unit of 100 ns
PACKET, MICROFRAMES = 1024, 8000  # bytes at most, and packets per second
VIDEO, VIDEO_CONTROL, VIDEO_STREAMING, COLLECTION = 0x0E, 1, 2, 3
INPUT_HEADER, FORMAT_MJPEG, FRAME_MJPEG, COLOUR = 0x01, 0x06, 0x07, 0x0D  # of the stream's descriptors
TERMINAL_IN, TERMINAL_OUT = 1, 2
GET_LEN, GET_INFO = 0x85, 0x86
# MOVING: all is well. FROZEN: the last picture again and again. RED: what the firmware shows without a signal (in
# Debian's colour), and BLACK what it showed before 2017. NOTHING: the camera streams, and no picture comes.
MOVING, FROZEN, RED, BLACK, NOTHING = "moving", "frozen", "red", "black", "nothing"
NO_SIGNAL = (RED, BLACK)
SOURCES = {
    MOVING: "pattern=ball num-buffers=8",
    RED: "pattern=solid-color foreground-color=0xffd70953 num-buffers=1",
    BLACK: "pattern=black num-buffers=1",
}


def made() -> dict[str, list[bytes]]:
    """The pictures, by what they show, made by GStreamer."""
    found = {}
    for what, source in SOURCES.items():
        with tempfile.TemporaryDirectory() as folder:
            size = f"video/x-raw,format=I420,colorimetry=bt601,width={WIDTH},height={HEIGHT}"
            pipeline = f"videotestsrc {source} ! {size} ! jpegenc ! multifilesink location={folder}/%02d.jpg"
            subprocess.run(["gst-launch-1.0", "-q", *pipeline.split()], check=True, timeout=60)
            found[what] = [file.read_bytes() for file in sorted(Path(folder).iterdir())]
    return found


class Camera:
    """Cuts pictures into packets, by the time of the bus: so many pictures for so many packets."""

    def __init__(self, pictures: Mapping[str, Sequence[bytes]] | None = None) -> None:
        self.pictures: Mapping[str, Sequence[bytes]] = pictures or {}
        self.sent = 0  # whole pictures
        self._what, self._last = MOVING, b""
        self._control = probe()
        self._packets = self._due = 0
        self._left, self._toggle = b"", 0

    def show(self, what: str) -> None:
        """Raises KeyError for what there is not."""
        if what not in (*SOURCES, FROZEN, NOTHING):
            raise KeyError(what)
        self._what = what

    def request(self, asked: Request) -> bytes | None:
        """The negotiation of what is streamed: there is nothing to choose."""
        match asked.code:
            case d.SET_CUR:
                return b""
            case d.GET_CUR | d.GET_MIN | d.GET_MAX:
                return self._control
            case code if code == GET_LEN:
                return d.u16(len(self._control))
            case code if code == GET_INFO:
                return b"\x03"
        return None

    def packets(self, lengths: Sequence[int]) -> list[bytes]:
        """What fills the next packets; an empty one where there is nothing to send."""
        found = []
        for length in lengths:
            self._packets += 1
            if not self._left and self._packets >= self._due:
                self._left, self._toggle = self._next(), self._toggle ^ 1
                self._due = self._packets + MICROFRAMES // PER_SECOND
            part, self._left = self._left[: length - 2], self._left[length - 2 :]
            ends = bool(part) and not self._left
            self.sent += ends
            found.append(bytes([2, 0x80 | self._toggle | ends << 1]) + part if part else b"")
        return found

    def _next(self) -> bytes:
        if self._what == NOTHING:
            return b""
        if self._what != FROZEN or not self._last:
            every = self.pictures[MOVING if self._what == FROZEN else self._what]
            self._last = every[self.sent % len(every)]
        return self._last


def probe() -> bytes:
    """What is streamed, as the class negotiates it (26 bytes in its first version)."""
    return struct.pack("<HBBIHHHHHII", 1, 1, 1, EVERY, 0, 0, 0, 0, 0, 2 * WIDTH * HEIGHT, PACKET)


def function(control: int, stream: int, endpoint: int) -> bytes:
    """The descriptors of the camera: its two interfaces, and the endpoint on which it sends."""
    terminals = (
        d.descriptor(d.CLASS_INTERFACE, 2, TERMINAL_IN, d.u16(0x0201), 0, 0, bytes(6), 3, bytes(3))
        + d.descriptor(d.CLASS_INTERFACE, 3, TERMINAL_OUT, d.u16(0x0101), 0, TERMINAL_IN, 0)
    )  # fmt: skip
    clock = struct.pack("<I", 48_000_000)
    head = d.descriptor(d.CLASS_INTERFACE, 1, d.u16(0x0100), d.u16(13 + len(terminals)), clock, 1, stream)
    size = d.u16(WIDTH) + d.u16(HEIGHT)
    rates = struct.pack("<IIIIBI", 8 * MICROFRAMES, 8 * PACKET * MICROFRAMES, 2 * WIDTH * HEIGHT, EVERY, 1, EVERY)
    formats = (
        d.descriptor(d.CLASS_INTERFACE, FORMAT_MJPEG, 1, 1, 1, 1, 0, 0, 0, 0)
        + d.descriptor(d.CLASS_INTERFACE, FRAME_MJPEG, 1, 0, size, rates)
        + d.descriptor(d.CLASS_INTERFACE, COLOUR, 1, 1, 4)
    )
    whole = d.u16(14 + len(formats))
    return (
        d.descriptor(d.ASSOCIATION, control, 2, VIDEO, COLLECTION, 0, 0)
        + d.interface(control, 0, 0, VIDEO, VIDEO_CONTROL) + head + terminals
        + d.interface(stream, 0, 0, VIDEO, VIDEO_STREAMING)
        + d.descriptor(d.CLASS_INTERFACE, INPUT_HEADER, 1, whole, endpoint, 0, TERMINAL_OUT, 0, 0, 0, 1, 0) + formats
        + d.interface(stream, 1, 1, VIDEO, VIDEO_STREAMING) + d.endpoint(endpoint, 5, PACKET, 1)
    )  # fmt: skip
