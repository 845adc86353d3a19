"""What a stretch of samples sounds like. Pure."""

from __future__ import annotations

import math
from array import array

FULL_SCALE = 32768
SILENCE = -120.0  # dB below full scale: what nothing at all counts as


class Numbered:
    """Follows a recording whose every frame says its own number, modulo 65536, in its first sample."""

    def __init__(self) -> None:
        self.frames = self.slips = 0  # a slip: the next frame is not the next number
        self._expected: int | None = None

    def take(self, pcm: bytes, width: int) -> None:
        """Whole frames of `width` bytes. Slips within are one."""
        count = len(pcm) // width
        first, last = (int.from_bytes(pcm[at : at + 2], "little") for at in (0, (count - 1) * width))
        self.slips += self._expected not in (None, first)
        self.slips += (last - first) % 65536 != (count - 1) % 65536
        self.frames += count
        self._expected = (last + 1) % 65536


def channels(pcm: bytes, count: int) -> list[array[int]]:
    """Interleaved 16 bit samples, apart."""
    samples = array("h", pcm[: len(pcm) // (2 * count) * 2 * count])
    return [samples[each::count] for each in range(count)]


def level(samples: array[int]) -> float:
    """The loudness in dB below that of the loudest possible square wave."""
    power = sum(sample * sample for sample in samples) / max(1, len(samples))
    return max(SILENCE, 10 * math.log10(power / FULL_SCALE**2)) if power else SILENCE


def tone(samples: array[int], rate: int) -> float:
    """The frequency of a steady tone in Hz, from its first rise through zero to its last; 0.0 where it does not
    rise twice."""
    rises = [
        at - samples[at] / (samples[at] - samples[at - 1])
        for at in range(1, len(samples))
        if samples[at - 1] < 0 <= samples[at]
    ]
    return (len(rises) - 1) * rate / (rises[-1] - rises[0]) if len(rises) > 1 else 0.0
