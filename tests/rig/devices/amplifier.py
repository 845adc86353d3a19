"""Amplifier boards and DACs: what arrives at their loudspeakers can be heard here.

`Pcm2705C` follows TI's SBFS036 and published descriptors of its siblings: USB 1.1, full speed, no serial number, no
remote wakeup, a stereo and a mono stream of 16 bits at 32, 44.1 and 48 kHz, and a HID interface with media keys.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import Any, ClassVar

from tests.rig.devices import descriptors as d
from tests.rig.devices import listening
from tests.rig.devices.device import TO_ENDPOINT, Device, Request

CONTROL, STREAM, KEYS = 0, 1, 2  # interfaces
STEREO, MONO = 1, 2  # alternates of the stream: one sample of 16 bits for each channel
OUT, KEY_IN = 0x02, 0x85  # endpoints
IN_TERMINAL, OUT_TERMINAL, FEATURE = 1, 2, 3  # units of the audio function
MUTE, VOLUME, SAMPLING_FREQ = 1, 2, 1  # controls
QUIETEST, LOUDEST, STEP = -64 * 256, 0, 256  # dB in 1/256
KEPT = 2.0  # seconds of sound to judge

REPORT = bytes.fromhex("050c0901a1011500250175019508 09e909ea09e209cd09b509b609b70900 8102c0")
BUTTONS = ("volume up", "volume down", "mute", "play", "next", "previous", "stop")  # by bit


class UsbAudio(Device):
    """A stereo output of USB's first audio class."""

    rates: ClassVar[tuple[int, ...]] = (32000, 44100, 48000)

    def __init__(self) -> None:
        super().__init__()
        self.rate, self.muted = 44100, False
        self.volume = {1: -20 * 256, 2: -20 * 256}
        self.frames = 0  # samples of each channel that arrived since it was made
        self._numbered: listening.Numbered | None = None
        self._sound = bytearray()

    @property
    def channels(self) -> int:
        """Of the stream as it is now; 0 where nothing streams."""
        return {STEREO: 2, MONO: 1}.get(self.alternates.get(STREAM, 0), 0)

    def body(self) -> bytes:
        return self.function() + self._stream()

    def function(self) -> bytes:
        """The descriptors of its audio function, which come before those of its stream."""
        units = (
            d.descriptor(d.CLASS_INTERFACE, 2, IN_TERMINAL, d.u16(0x0101), 0, 2, d.u16(3), 0, 0)
            + d.descriptor(d.CLASS_INTERFACE, 3, OUT_TERMINAL, d.u16(0x0301), 0, FEATURE, 0)
            + d.descriptor(d.CLASS_INTERFACE, 6, FEATURE, IN_TERMINAL, 1, MUTE, VOLUME, VOLUME, 0)
        )
        head = d.descriptor(d.CLASS_INTERFACE, 1, d.u16(0x0100), d.u16(9 + len(units)), 1, STREAM)
        return d.interface(CONTROL, 0, 0, d.AUDIO, 1) + head + units

    def _stream(self) -> bytes:
        rates = b"".join(map(d.u24, self.rates))
        most = max(self.rates) // 1000 * 2  # bytes of a channel in a frame
        silent = d.interface(STREAM, 0, 0, d.AUDIO, 2)
        return silent + b"".join(
            d.interface(STREAM, alternate, 1, d.AUDIO, 2)
            + d.descriptor(d.CLASS_INTERFACE, 1, IN_TERMINAL, 1, d.u16(1))
            + d.descriptor(d.CLASS_INTERFACE, 2, 1, count, 2, 16, len(self.rates), rates)
            + d.endpoint(OUT, 0x09, most * count, 1, 0, 0)
            + d.descriptor(d.CLASS_ENDPOINT, 1, 1, 0, d.u16(0))
            for alternate, count in ((STEREO, 2), (MONO, 1))
        )

    def request(self, asked: Request) -> bytes | None:
        selector, channel = asked.value >> 8, asked.value & 0xFF
        if asked.recipient == TO_ENDPOINT:
            return self._sampling(asked) if selector == SAMPLING_FREQ else None
        if asked.index >> 8 != FEATURE:
            return None
        match selector, asked.code:
            case 1, d.SET_CUR:
                self.muted = bool(asked.data[0])
                return b""
            case 1, d.GET_CUR:
                return bytes([self.muted])
            case 2, d.SET_CUR:
                (self.volume[channel],) = struct.unpack("<h", asked.data)
                return b""
            case 2, code:
                values = {
                    d.GET_CUR: self.volume.get(channel), d.GET_MIN: QUIETEST, d.GET_MAX: LOUDEST, d.GET_RES: STEP,
                }  # fmt: skip
                value = values.get(code)
                return None if value is None else struct.pack("<h", value)
        return None

    def _sampling(self, asked: Request) -> bytes | None:
        if asked.code == d.SET_CUR:
            self.rate = int.from_bytes(asked.data[:3], "little")
            return b""
        return d.u24(self.rate) if asked.code == d.GET_CUR else None

    def take(self, endpoint: int, data: bytes) -> None:
        if endpoint == OUT and self.channels and data:
            self.frames += len(data) // (2 * self.channels)
            if self._numbered is not None:
                self._numbered.take(data, 2 * self.channels)
            self._sound += data
            if len(self._sound) > (most := int(2 * KEPT * self.rate) * 2 * self.channels):
                del self._sound[: len(self._sound) - most // 2]

    def reset(self) -> None:
        super().reset()
        self._sound = bytearray()

    def follow(self) -> None:
        """What is played from now on numbers its frames: none may be missing."""
        self._numbered = listening.Numbered()

    def followed(self) -> dict[str, int]:
        """What came since `follow`: frames, and slips among them (listening.py). Ends it."""
        assert self._numbered is not None
        heard, self._numbered = self._numbered, None
        return {"frames": heard.frames, "slips": heard.slips}

    def listen(self, seconds: float = 0.5) -> dict[str, Any]:
        """What the last so many seconds sounded like, for each channel: loudness and frequency."""
        count = self.channels or 2
        last = self._sound[-int(seconds * self.rate) * 2 * count :]
        apart = listening.channels(bytes(last), count)
        return {
            "seconds": len(apart[0]) / self.rate,
            "level": [listening.level(samples) for samples in apart],
            "hertz": [listening.tone(samples, self.rate) for samples in apart],
        }

    def report(self) -> dict[str, Any]:
        mixer = {"muted": self.muted, "volume": [self.volume[1] / 256, self.volume[2] / 256]}
        return super().report() | {"frames": self.frames, "rate": self.rate, "channels": self.channels, **mixer}


class Pcm2705C(UsbAudio):
    """The board of every room."""

    ids = "08bb:27c5"
    maker, product = "BurrBrown from Texas Instruments", "USB AUDIO  DAC"

    def __init__(self) -> None:
        super().__init__()
        self._keys: deque[bytes] = deque()

    def body(self) -> bytes:
        keys = d.interface(KEYS, 0, 1, d.HID_CLASS, 0)
        hid = d.descriptor(d.HID, d.u16(0x0100), 0, 1, d.REPORT, d.u16(len(REPORT)))
        return super().body() + keys + hid + d.endpoint(KEY_IN, 3, 1, 10)

    def extra(self, kind: int, interface: int) -> bytes | None:
        return REPORT if (kind, interface) == (d.REPORT, KEYS) else None

    def request(self, asked: Request) -> bytes | None:
        if asked.recipient != TO_ENDPOINT and asked.index == KEYS:
            return bytes(asked.length) if asked.to_host else b""
        return super().request(asked)

    def give(self, endpoint: int, length: int) -> bytes | None:
        return self._keys.popleft() if endpoint == KEY_IN and self._keys else None

    def press(self, button: str) -> None:
        """Somebody presses one of the board's own keys, and lets go of it."""
        self._keys += (bytes([1 << BUTTONS.index(button)]), b"\0")
        self.offer(KEY_IN)


class OtherDac(UsbAudio):
    """A DAC of another make: with a serial number, its own power supply, one rate, and no keys."""

    ids, maker, product, serial = "0d8c:0012", "C-Media", "Table DAC", "T-0042"
    rates = (48000,)
    attributes, milliamperes = 0xC0, 100


class Hostile(UsbAudio):
    """A DAC whose maker wishes the operator ill: its strings clear the screen, set the window's title, turn the text
    around and pretend to be markup."""

    ids = "08bb:27c5"
    maker = "\x1b]0;owned\x07\x1b[2J\x9b31mMaker\u202e"
    product = "[bold]\x1b[2JDAC[/bold]\r\n\u200b\u2066CRIT all well\x00"
    serial = "\x1b[31m\u202e../../etc\x7f"
