"""What only a Mopidy's log tells: real servers whose output cannot be opened, dies under them, or is unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.audio.mopidy.source import MopidySource, Settings, discover
from backends.contract import Context, State, Unknown
from backends.runtime import SourceIO
from tests.integration.beds import pulse
from tests.integration.beds.mopidy import RealMopidy, free_port, make_track
from tests.integration.watching import Watched, watching
from tests.patience import until, until_async


@pytest.fixture
def sound() -> Iterator[pulse.Bed]:
    with pulse.bed(1) as bed:
        yield bed


def fault(watched: Watched) -> str:
    said = watched.get("zone", "fault")
    return "" if isinstance(said, Unknown) or said is None else str(said)


async def test_an_output_that_cannot_be_opened_is_told_until_it_plays_again(sound: pulse.Bed, tmp_path: Path) -> None:
    server = await asyncio.to_thread(RealMopidy, "bar", tmp_path, "alsasink device=zone1", sound.env)
    try:
        track = await asyncio.to_thread(make_track, server.media / "a.flac", "A")
        await asyncio.to_thread(sound.stop)
        async with watching(MopidySource("h", server.endpoint)) as watched:
            await watched.until(lambda w: isinstance(w.get("zone", "log"), tuple) and not fault(w))
            await asyncio.to_thread(server.play, track)
            await watched.until(lambda w: fault(w) == "device cannot be opened")
            assert watched.get("zone", "state") == "stopped"
            log = watched.get("zone", "log")
            assert isinstance(log, tuple)
            assert any("Could not open audio device for playback" in line for line in log)
            await asyncio.to_thread(sound.start)
            await asyncio.to_thread(server.rpc, "core.playback.play")
            await watched.until(lambda w: not fault(w) and w.get("zone", "state") == "playing")
        async with watching(MopidySource("h", server.endpoint)) as watched:  # its history tells what events do not
            await watched.until(lambda w: w.get("zone", "log"))
            assert fault(watched) == ""
    finally:
        server.stop()


async def test_a_sound_server_that_dies_under_a_playing_zone_is_told(sound: pulse.Bed, tmp_path: Path) -> None:
    output = f"pulsesink server=unix:{sound.socket} device=zone1"
    server = await asyncio.to_thread(RealMopidy, "bar", tmp_path, output, sound.env)
    try:
        track = await asyncio.to_thread(make_track, server.media / "a.flac", "A")
        await asyncio.to_thread(server.play, track)
        async with watching(MopidySource("h", server.endpoint)) as watched:
            await watched.until(lambda w: w.get("zone", "state") == "playing" and not fault(w))
            await asyncio.to_thread(sound.stop)
            await watched.until(lambda w: fault(w) == "sound server gone")
            assert watched.get("zone", "state") == "playing"  # as it says
    finally:
        server.stop()


async def test_a_sink_that_is_not_there_is_told_from_the_first_play_on(sound: pulse.Bed, tmp_path: Path) -> None:
    """GStreamer blames the decoder."""
    output = f"pulsesink server=unix:{sound.socket} device=nowhere"
    server = await asyncio.to_thread(RealMopidy, "bar", tmp_path, output, sound.env)
    try:
        track = await asyncio.to_thread(make_track, server.media / "a.flac", "A")
        async with watching(MopidySource("h", server.endpoint)) as watched:
            await watched.until(lambda w: w.get("zone", "state") == "stopped" and not fault(w))
            await asyncio.to_thread(server.play, track)
            await watched.until(lambda w: fault(w) == "no decoder or no such sink")
            assert any("FLAC" in line for line in watched.get("zone", "log"))
    finally:
        server.stop()


async def test_a_server_that_ends_at_once_leaves_its_last_words(tmp_path: Path) -> None:
    """With an output that GStreamer does not know, Mopidy ends with exit status 0, so that systemd leaves it so."""
    server = await asyncio.to_thread(RealMopidy, "bar", tmp_path, "fakesink sync=true", {})
    try:
        async with watching(MopidySource("h", server.endpoint)) as watched:
            await watched.until(lambda w: w.state is State.OK)
            await asyncio.to_thread(server.stop)
            config = server.config.read_text()
            server.config.write_text(config.replace("fakesink", "nosuchsink"))
            await asyncio.to_thread(ended, server)
            await watched.until(lambda w: 'Failed to create audio output "nosuchsink' in w.sentence)
            assert watched.state is State.REFUSED
    finally:
        server.stop()


def ended(server: RealMopidy) -> None:
    """Starts it, to end by itself. Now and then it has told itself to before it listens for that, and stands still."""
    log = server.folder / "mopidy.log"
    server.start(wait=False)
    until(lambda: "Failed to create audio output" in log.read_text(), seen=log.read_text)
    server.stop()


async def test_why_phones_cannot_reach_it_stands_in_the_log(tmp_path: Path) -> None:
    port = free_port()
    first = await asyncio.to_thread(RealMopidy, "bar", tmp_path / "bar", "fakesink", {}, True, port)
    second = await asyncio.to_thread(RealMopidy, "foyer", tmp_path / "foyer", "fakesink", {}, True, port)
    try:
        async with watching(MopidySource("h", second.endpoint)) as watched:
            await watched.until(lambda w: "MPD server startup failed" in str(w.get("zone", "log")))
    finally:
        first.stop()
        second.stop()


async def test_a_server_without_its_http_frontend_is_told_from_one_that_has_ended(tmp_path: Path) -> None:
    """Its port was taken when it started: it runs on, plays nothing, and nobody can ask it why."""
    server = RealMopidy("bar", tmp_path, "fakesink", {}, wait=False)
    server.stop()
    squatter = await asyncio.start_server(lambda *_: None, "127.0.0.1", server.port)
    server.start(wait=False)
    try:
        await wait_for(server.folder / "mopidy.log", "HTTP server startup failed")
        squatter.close()
        await squatter.wait_closed()
        async with watching(MopidySource("h", server.endpoint)) as watched:
            await watched.until(lambda w: f"process {server.process.pid}, started " in w.sentence)
            assert watched.state is State.REFUSED
            assert "HTTP server startup failed" in watched.sentence
        found = await discover(Context("h", Settings(), {}), SourceIO("test"))
        assert f"mopidy 127.0.0.1:{server.port}" in [source.name for source in found]
    finally:
        server.stop()


async def test_an_old_instance_that_answers_in_the_place_of_a_new_one_is_told(tmp_path: Path) -> None:
    old = await asyncio.to_thread(RealMopidy, "bar", tmp_path / "old", "fakesink", {})
    new = RealMopidy("bar", tmp_path / "new", "fakesink", {}, wait=False)
    new.stop()
    new.config.write_text(new.config.read_text().replace(f"port = {new.port}", f"port = {old.port}"))
    try:
        async with watching(MopidySource("h", old.endpoint)) as watched:
            await watched.until(lambda w: w.of("zone"))
            assert isinstance(watched.get("zone", "rival"), Unknown)
            new.start(wait=False)
            await watched.until(lambda w: w.get("zone", "rival") == new.process.pid)
            assert watched.get("zone", "pid") == old.process.pid
            await asyncio.to_thread(new.stop)
            await watched.until(lambda w: isinstance(w.get("zone", "rival"), Unknown))
    finally:
        old.stop()
        new.stop()


async def wait_for(log: Path, words: str) -> None:
    await until_async(lambda: log.exists() and words in log.read_text(), words, seen=log.read_text)
