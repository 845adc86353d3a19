from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from backends.runtime import SourceIO
from backends.uevents import waker
from tests import patience
from tests.patience import NEVER


async def test_a_burst_wakes_once_and_others_events_do_not(tmp_path: Path) -> None:
    writers: list[asyncio.StreamWriter] = []

    async def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    server = await asyncio.start_unix_server(joined, tmp_path / "events")
    async with server, waker(f"unix:{tmp_path / 'events'}", SourceIO("s"), "usb") as wait:
        assert await wait(patience.POLL) == []
        writers[0].write(b'{"action": "add", "subsystem": "sound", "name": "card1"}\n')
        assert await wait(patience.POLL) == []
        line = b'{"action": "remove", "subsystem": "usb", "name": "1-1"}\n'
        writers[0].write(line + line)
        assert [event.action for event in await wait(NEVER)] == ["remove", "remove"]
        assert await wait(NEVER) == []  # once more, by itself: the first look may have come too early
        writers[0].close()
        with pytest.raises(ConnectionError, match="was closed"):
            await wait(NEVER)


async def test_no_one_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        async with waker(f"unix:{tmp_path / 'none'}", SourceIO("s"), "usb"):
            pass
