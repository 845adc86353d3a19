"""A core that says more than anybody can read: everybody else has turns, and nothing is kept."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from backends.capture.voctoclient import MOST, TURN, Connection
from backends.capture.voctoline import LONGEST, CoreState, Flood, NotVoctocore, after_line
from backends.runtime import SourceIO
from tests.patience import BOUND


class Mute:
    """A writer whose words nobody reads."""

    def write(self, data: bytes) -> None: ...


def connection(data: bytes) -> Connection:
    """To a core that has said this, and says no more."""
    reader = asyncio.StreamReader(limit=LONGEST)
    reader.feed_data(data)
    return Connection(reader, cast(asyncio.StreamWriter, Mute()))


async def turns(reading: asyncio.Task[object]) -> int:
    """How often others had a turn while it was being read."""
    count = 0
    while not reading.done():
        count += 1
        await asyncio.sleep(0)
    return count


async def test_others_have_turns_while_a_flood_is_read() -> None:
    flooded = connection(b"message x\n" * MOST)
    reading = asyncio.create_task(flooded.hear(BOUND, SourceIO("s")))
    had = await turns(reading)
    read = len(await reading)
    assert read > TURN
    assert had >= read // TURN


async def test_an_answer_in_a_flood_is_given_up() -> None:
    flooded = connection(b"message x\n" * (MOST + 10))
    with pytest.raises(Flood, match=f"{MOST} lines"):
        await flooded.ask("get_video")


async def test_an_endless_line_is_given_up() -> None:
    with pytest.raises(NotVoctocore, match="in one line"):
        await connection(b"x" * (2 * LONGEST + 1)).line()


async def test_news_is_heard_together() -> None:
    said = connection(b"video_status a b\nvideo_status c d\nstream_status live\n")
    assert await said.hear(BOUND, SourceIO("s")) == ["video_status a b", "video_status c d", "stream_status live"]


def test_a_message_to_others_is_not_even_looked_at() -> None:
    core = CoreState(a="a")
    assert after_line(core, "message " + "\x1b" * 10_000) is core


def test_endless_nesting_is_no_voctocore() -> None:
    with pytest.raises(NotVoctocore):
        after_line(CoreState(), "audio_status " + "[" * 60_000)
