"""What the picture of a capture board shows: a few of them, made small by GStreamer, and judged.

Looking streams the board's video, which only one program can (VIDIOC_STREAMON): it is done when an operator asks for
it, and whoever streams already keeps it. A picture is made small by leaving points out (videoscale method=0): the mean
of several would hide the noise by which a camera's still picture differs from a frozen one.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from backends.capture.picture_child import BEAT, End
from backends.contract import IO, clean

WIDTH, HEIGHT, COLOURS = 64, 36, 3  # of a picture made small: red, green and blue, 0 to 255
COUNT, LONGEST = 30, 8  # pictures, and seconds in which as many as come are taken
SIZE = WIDTH * HEIGHT * COLOURS
MOVING, STILL, RED, BLACK, NOTHING = "moving", "still", "red", "black", "none"
NO_INPUT = (215, 9, 83)  # Debian's red: what the firmware shows where its HDMI input has no signal (0x8254d554, YUYV)
NEAR, FLAT = 14.0, 2.0  # how far a colour's mean may lie from it, and the standard deviation of one plain colour
BLACKEST = 24.0  # black is 0, or 16 where a part of the range is kept free
NOISE = 0.05  # mean difference between two pictures, below which they are one picture
CHILD = (sys.executable, "-m", "backends.capture.picture_child")
PROGRAM, PACKAGES = "gst-launch-1.0", "gstreamer1.0-tools gstreamer1.0-plugins-good"
LOOK = (
    PROGRAM, "-q", "v4l2src", "device={video}", f"num-buffers={COUNT}", "!",
    "decodebin", "!", "videoscale", "method=0", "!", "videoconvert", "!",
    f"video/x-raw,format=RGB,width={WIDTH},height={HEIGHT}", "!", "fdsink", "sync=false",
)  # fmt: skip


class Look(Struct, frozen=True):
    """What was seen at a moment: the word for it, how many pictures came, and the mean of each colour in the last."""

    word: str
    count: int
    colour: tuple[int, ...] = ()

    def __str__(self) -> str:
        colour = f", the last in the mean of colour {self.colour} (red, green, blue)" if self.colour else ""
        return f"{self.word}: {self.count} pictures within {LONGEST} s{colour}"


def judged(pictures: Sequence[bytes]) -> Look:
    """In a word what these show; each is of SIZE bytes."""
    from statistics import fmean, pstdev  # loaded when the first picture is looked at

    if not pictures:
        return Look(NOTHING, 0)
    planes = [pictures[-1][colour::COLOURS] for colour in range(COLOURS)]
    means = [fmean(plane) for plane in planes]
    flat = all(pstdev(plane) < FLAT for plane in planes)
    if flat and max(means) <= BLACKEST:
        word = BLACK
    elif flat and all(abs(mean - red) <= NEAR for mean, red in zip(means, NO_INPUT, strict=True)):
        word = RED
    else:
        moved = any(_apart(one, other) >= NOISE for one, other in itertools.pairwise(pictures))
        word = MOVING if moved else STILL
    return Look(word, len(pictures), tuple(round(mean) for mean in means))


def _apart(one: bytes, other: bytes) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


def command(template: Sequence[str], video: str) -> tuple[str, ...]:
    return tuple(word.replace("{video}", video) for word in template)


async def pictures(argv: Sequence[str], io: IO) -> list[bytes]:
    """The first whole pictures that this program gives. Raises OSError with what it complains of, TimeoutError."""
    found: list[bytes] = []
    async with io.child((*CHILD, str(SIZE), str(LONGEST), *argv), "the camera", 3 * BEAT) as child:
        while len(found) < COUNT:
            message = await child.receive()
            if "frame" in message:
                found.append(message["frame"])
                continue
            end = msgspec.convert(message, End)
            if not found and end.status:
                raise OSError(complained(end.complaint))
            break
    return found


def complained(said: str) -> str:
    """Of what a program says when it fails, the line that tells why."""
    lines = [line for line in said.splitlines() if line.strip()]
    why = next((line.partition("ERROR: ")[2] for line in lines if "ERROR: from" in line), lines[-1] if lines else said)
    return clean(why)
