"""What is played in a drill: steady tones, and a recording in which no frame can be missing unnoticed."""

from __future__ import annotations

import math
import struct
import wave
from array import array
from pathlib import Path

RATE = 48000  # frames per second
LOUD = 0.5  # of full scale: -9 dB, as a sine's power is half of a square wave's
LEVEL = -9.03  # dB below full scale
NUMBERS = 65536  # that a sample can be


def second(hertz: int) -> bytes:
    """One second of a tone on both channels, in samples of 16 bits. It has a whole number of waves, so that it can be
    repeated."""
    samples = (round(LOUD * 32767 * math.sin(2 * math.pi * hertz * at / RATE)) for at in range(RATE))
    return b"".join(struct.pack("<hh", sample, sample) for sample in samples)


def tone(path: Path, hertz: int, seconds: int) -> Path:
    return _written(path, second(hertz), seconds)


def numbers() -> bytes:
    """Frames that are each their own number, modulo 65536, on both channels (devices/listening.py follows them). They
    can be repeated."""
    return array("H", (number for number in range(NUMBERS) for _ in range(2))).tobytes()


def numbered(path: Path, seconds: int) -> Path:
    return _written(path, numbers(), math.ceil(seconds * RATE / NUMBERS))


def _written(path: Path, part: bytes, times: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for _ in range(times):
            file.writeframesraw(part)
    return path
