"""What pictures show, in a word, and what a program that should give some may do instead."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from backends.capture import picture
from backends.capture.picture import (
    BLACK,
    COUNT,
    MOVING,
    NOTHING,
    RED,
    SIZE,
    STILL,
    complaint_in,
    judge,
    pictures,
)
from backends.demo import captures
from backends.runtime import SourceIO
from tests.backends.processes import gone
from tests.patience import POLL, limit, until_async

IO = SourceIO("camera")
FOR_EVER = f"import os\nwhile True: os.write(1, bytes({SIZE}))"
GREY = bytes([84]) * SIZE  # as bright as the red
NOISY = [bytes((84 + (at * 7 + number) % 5) % 256 for at in range(SIZE)) for number in range(3)]
LIMITED = bytes([16]) * SIZE  # black, where a part of the range is kept free


@pytest.mark.parametrize("word", [MOVING, STILL, RED, BLACK, NOTHING])
def test_the_embedded_cameras_show_what_they_should(word: str) -> None:
    assert judge(list(captures.pictures(word))).word == word


@pytest.mark.parametrize(
    ("shown", "word"),
    [
        ([GREY] * COUNT, STILL),  # plain, and no colour that means something
        (NOISY, MOVING),  # nothing moves before a camera, and its noise does
        ([LIMITED], BLACK),
        ([bytes(SIZE)] * 9 + [GREY], MOVING),
        ([bytes(SIZE - 9) + bytes([255] * 9)] * 2, STILL),  # a few words on a black screen
        ([bytes(SIZE - 9) + bytes([255] * 9), bytes([255] * 9) + bytes(SIZE - 9)], MOVING),
        ([GREY], STILL),
    ],
)
def test_pictures_are_judged(shown: list[bytes], word: str) -> None:
    look = judge(shown)
    assert (look.word, look.count) == (word, len(shown))


async def test_whole_pictures_are_taken_and_what_is_left_over_is_not() -> None:
    found = await pictures((sys.executable, "-c", f"import sys; sys.stdout.buffer.write(bytes({2 * SIZE + 5}))"), IO)
    assert found == [bytes(SIZE)] * 2


async def test_a_device_that_gives_nothing_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "LONGEST", POLL)
    assert await pictures(("sleep", "60"), IO) == []


async def test_what_a_program_complains_of_is_said() -> None:
    with pytest.raises(OSError, match=r"^from element .*Cannot identify device '/dev/video99'"):
        await pictures(picture.command(picture.LOOK, "/dev/video99"), IO)
    with pytest.raises(OSError, match="No such file"):
        await pictures(("no-such-program",), IO)


async def test_a_program_that_does_not_end_is_ended_with_its_children(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(picture, "LONGEST", POLL)
    pid = tmp_path / "pid"
    async with limit():
        assert await pictures(("sh", "-c", f"sleep 1000 & echo $! > {pid}; wait"), IO) == []
    await gone(int(pid.read_text()))


PARENT = """
import asyncio
from backends.capture.picture import pictures
from backends.runtime import SourceIO
asyncio.run(pictures({argv!r}, SourceIO("camera")))
"""


async def test_a_program_ends_with_a_console_that_is_killed(tmp_path: Path) -> None:
    """It would keep the video device."""
    file = tmp_path / "pid"
    script = PARENT.format(argv=("sh", "-c", f"echo $$ > {file}; exec sleep 1000"))
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
    pid = await until_async(lambda: file.exists() and int(file.read_text() or 0))
    parent.kill()
    await parent.wait()
    await gone(pid)


async def test_more_pictures_than_are_judged_are_not_waited_for() -> None:
    async with limit():
        assert len(await pictures((sys.executable, "-c", FOR_EVER), IO)) == COUNT


def test_the_reason_is_found_in_what_gstreamer_says() -> None:
    said = ("ERROR: from element /a:b: Device is busy", "Additional debug info:", "ERROR: it doesn't want to preroll.")
    assert complaint_in("\n".join(said)) == "from element /a:b: Device is busy"
    assert complaint_in("") == ""
