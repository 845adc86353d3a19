"""What pictures show, in a word, and what a program that should give some may do instead."""

from __future__ import annotations

import sys

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
    complained,
    judged,
    pictures,
)
from backends.demo import captures
from tests.patience import limit

GREY = bytes([84]) * SIZE  # as bright as the red
NOISY = [bytes((84 + (at * 7 + number) % 5) % 256 for at in range(SIZE)) for number in range(3)]
LIMITED = bytes([16]) * SIZE  # black, where a part of the range is kept free


@pytest.mark.parametrize("word", [MOVING, STILL, RED, BLACK, NOTHING])
def test_the_embedded_cameras_show_what_they_should(word: str) -> None:
    assert judged(list(captures.pictures(word))).word == word


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
    look = judged(shown)
    assert (look.word, look.count) == (word, len(shown))


async def test_whole_pictures_are_taken_and_what_is_left_over_is_not() -> None:
    found = await pictures((sys.executable, "-c", f"import sys; sys.stdout.buffer.write(bytes({2 * SIZE + 5}))"))
    assert found == [bytes(SIZE)] * 2


async def test_a_device_that_gives_nothing_is_no_failure() -> None:
    assert await pictures(("timeout", "0.2", "sleep", "60")) == []


async def test_what_a_program_complains_of_is_said() -> None:
    with pytest.raises(OSError, match=r"^from element .*Cannot identify device '/dev/video99'"):
        await pictures(picture.command(picture.LOOK, "/dev/video99"))
    with pytest.raises(OSError, match="No such file"):
        await pictures(("timeout", "1", "no-such-program"))


async def test_a_program_that_does_not_end_is_ended_with_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "LONGEST", -2.5)
    async with limit():  # a child that is left would keep the pipe open for longer
        with pytest.raises(TimeoutError):
            await pictures(("sh", "-c", "sleep 100000; true"))


def test_the_reason_is_found_in_what_gstreamer_says() -> None:
    said = ("ERROR: from element /a:b: Device is busy", "Additional debug info:", "ERROR: it doesn't want to preroll.")
    assert complained("\n".join(said)) == "from element /a:b: Device is busy"
    assert complained("") == ""
