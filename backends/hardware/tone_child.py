"""The tone child: plays one tone through pyalsaaudio, over the lines of `tone_lines`.

    python -m backends.hardware.tone_child

A process of its own, because a call into a stuck card may never return.
"""

from __future__ import annotations

import math
import os
import sys
import time
from array import array

import alsaaudio
import msgspec
from msgspec import Struct

from backends.child_process import At, die_with_parent
from backends.hardware.tone_lines import BEAT, DECIBEL, HERTZ, SECONDS, ToneReport, ToneRequest

RATE, CHANNELS = 48_000, 2
FADE, REST = 0.02, 0.2  # seconds: of fading, against clicks; of silence after the tone, which may be cut off
PERIOD, PERIODS = 1024, 4  # frames in a period, and periods in the card's buffer
PAUSE = PERIOD / RATE / 2  # seconds to wait while the buffer is full


def samples() -> bytes:
    """The tone: signed 16-bit words, little-endian, `CHANNELS` to a frame, `RATE` frames a second."""
    loudest, count = 32767 * 10 ** (DECIBEL / 20), round(RATE * SECONDS)
    words = array("h")
    for n in range(count):
        fade = min(1.0, n / (RATE * FADE), (count - n) / (RATE * FADE))
        words.extend([round(fade * loudest * math.sin(2 * math.pi * HERTZ * n / RATE))] * CHANNELS)
    return words.tobytes() + bytes(2 * CHANNELS * round(RATE * REST))


def play(device: str) -> None:
    """Plays the tone. Raises ALSAAudioError. Opens without blocking: the kernel would wait for a busy card."""
    say(At(device))
    pcm = alsaaudio.PCM(
        alsaaudio.PCM_PLAYBACK, alsaaudio.PCM_NONBLOCK, rate=RATE, channels=CHANNELS,
        format=alsaaudio.PCM_FORMAT_S16_LE, periodsize=PERIOD, periods=PERIODS, device=device,
    )  # fmt: skip
    reported, rest, said_at = False, memoryview(samples()), time.monotonic()
    while rest:
        if time.monotonic() - said_at >= BEAT:
            said_at = time.monotonic()
            say(At(device))
        written = pcm.write(rest[: PERIOD * CHANNELS * 2])
        if written > 0:
            rest = rest[written * CHANNELS * 2 :]
        elif reported:
            time.sleep(PAUSE)
        else:  # it is full, so it plays
            reported = True
            say(ToneReport((device,)))
    pcm.close()


def say(message: Struct) -> None:
    os.write(1, msgspec.json.encode(message) + b"\n")


def main() -> None:
    die_with_parent()
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)  # libasound prints its errors there, onto the operator's screen
    say(At(""))
    try:
        play(msgspec.json.decode(sys.stdin.buffer.readline(), type=ToneRequest).play)
        say(ToneReport())
    except alsaaudio.ALSAAudioError as error:
        say(ToneReport(error=str(error)))


if __name__ == "__main__":
    main()
