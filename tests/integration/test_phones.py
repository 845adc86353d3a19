"""Whether phones reach a zone: real Mopidy with its MPD frontend, real clients, and a port that two want."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from backends.audio.mopidy.source import MopidySource
from backends.contract import Unknown
from tests.integration.beds.mopidy import RealMopidy, free_port
from tests.integration.watching import Watched, watching

OUTPUT = "fakesink sync=true"


@contextlib.asynccontextmanager
async def phone(port: int) -> AsyncIterator[None]:
    """Somebody's player: connects, is greeted, and stays."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert (await reader.readline()).startswith(b"OK MPD ")
    yield
    writer.close()
    await writer.wait_closed()


def mpd(watched: Watched) -> str:
    """How the zone is reached, or why not."""
    said = watched.get("zone", "mpd")
    return said.detail if isinstance(said, Unknown) else str(said)


async def test_a_zone_tells_how_phones_reach_it_and_how_many_do(tmp_path: Path) -> None:
    port = free_port()
    server = await asyncio.to_thread(RealMopidy, "bar", tmp_path, OUTPUT, {}, True, port)
    try:
        async with phone(port), phone(port), watching(MopidySource("h", server.endpoint)) as watched:
            await watched.until(lambda w: w.get("zone", "phones") == 2)
            assert mpd(watched).startswith(f"127.0.0.1:{port}, MPD 0.")
    finally:
        server.stop()


async def test_a_zone_whose_port_another_has_is_not_taken_for_reachable(tmp_path: Path) -> None:
    """Mopidy runs on without the frontend that could not have its port, and the other one answers there."""
    port = free_port()
    first = await asyncio.to_thread(RealMopidy, "bar", tmp_path / "bar", OUTPUT, {}, True, port)
    second = await asyncio.to_thread(RealMopidy, "foyer", tmp_path / "foyer", OUTPUT, {}, True, port)
    try:
        async with watching(MopidySource("h", second.endpoint)) as watched:
            await watched.until(lambda w: "another program answers there" in mpd(w))
            first.stop()
            await watched.until(lambda w: "nothing answers there" in mpd(w))
    finally:
        first.stop()
        second.stop()


async def test_a_zone_without_the_frontend_is_asked_for_none(tmp_path: Path) -> None:
    server = await asyncio.to_thread(RealMopidy, "bar", tmp_path, OUTPUT, {})
    try:
        async with watching(MopidySource("h", server.endpoint)) as watched:
            await watched.until(lambda w: w.of("zone"))
            assert mpd(watched) == "its configuration has no MPD frontend"
    finally:
        server.stop()
