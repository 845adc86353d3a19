"""Takes a few pictures of a capture board, scaled down by GStreamer, and judges what they show.

Taking them streams the board's video, which only one program can (VIDIOC_STREAMON). So it happens only on an operator's
request, and a program that streams already keeps the video. Scaling drops pixels (videoscale method=0): averaging would
hide the noise that distinguishes a camera's still picture from a frozen one.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from backends.capture.picture_child import BEAT, ProgramEnd
from backends.contract import IO, clean
from backends.interpreter import python

WIDTH, HEIGHT, COLOURS = 64, 36, 3  # of a scaled picture: red, green and blue, 0 to 255
COUNT, LONGEST = 30, 8  # the most pictures to take, and the most seconds
SIZE = WIDTH * HEIGHT * COLOURS
MOVING, STILL, RED, BLACK, NOTHING = "moving", "still", "red", "black", "none"
NO_INPUT = (215, 9, 83)  # Debian's red: the firmware shows it if its HDMI input has no signal (0x8254d554, YUYV)
NEAR, FLAT = 14.0, 2.0  # the most that a mean colour differs from it; the most that a plain colour varies
BLACKEST = 24.0  # black is 0, or 16 in video range
NOISE = 0.05  # two pictures with a smaller mean difference are the same picture
CHILD = python("backends.capture.picture_child")
PROGRAM, PACKAGES = "gst-launch-1.0", "gstreamer1.0-tools gstreamer1.0-plugins-good"
LOOK = (
    PROGRAM, "-q", "v4l2src", "device={video}", f"num-buffers={COUNT}", "!",
    "decodebin", "!", "videoscale", "method=0", "!", "videoconvert", "!",
    f"video/x-raw,format=RGB,width={WIDTH},height={HEIGHT}", "!", "fdsink", "sync=false",
)  # fmt: skip


class PictureReport(Struct, frozen=True):
    """What the pictures showed: the word for it, their number, and the mean of each colour in the last."""

    word: str
    count: int
    colour: tuple[int, ...] = ()

    def __str__(self) -> str:
        colour = f", the last in the mean of colour {self.colour} (red, green, blue)" if self.colour else ""
        return f"{self.word}: {self.count} pictures within {LONGEST} s{colour}"


def judge(pictures: Sequence[bytes]) -> PictureReport:
    """Judges pictures of SIZE bytes each."""
    from statistics import fmean, pstdev  # imported for the first picture

    if not pictures:
        return PictureReport(NOTHING, 0)
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
    return PictureReport(word, len(pictures), tuple(round(mean) for mean in means))


def _apart(one: bytes, other: bytes) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


def command(template: Sequence[str], video: str) -> tuple[str, ...]:
    """The program of the setting, and its arguments. One that is named by a path is found from the current folder,
    because the picture child works in another."""
    program, *arguments = template
    named = str(Path(program).absolute()) if "/" in program else program
    return (named, *(word.replace("{video}", video) for word in arguments))


async def pictures(argv: Sequence[str], io: IO) -> list[bytes]:
    """The first complete pictures from this program. Raises OSError with its complaint, TimeoutError."""
    found: list[bytes] = []
    async with io.child((*CHILD, str(SIZE), str(LONGEST), *argv), "the camera", 3 * BEAT) as child:
        while len(found) < COUNT:
            message = await child.receive()
            if "frame" in message:
                found.append(message["frame"])
                continue
            end = msgspec.convert(message, ProgramEnd)
            if not found and end.status:
                raise OSError(complaint_in(end.complaint))
            break
    return found


def complaint_in(said: str) -> str:
    """The line that gives the reason, from the output of a program that failed."""
    lines = [line for line in said.splitlines() if line.strip()]
    why = next((line.partition("ERROR: ")[2] for line in lines if "ERROR: from" in line), lines[-1] if lines else said)
    return clean(why)
