"""The MPD backend against a real MPD."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.audio.mpd.source import MpdSource, Settings, discover
from backends.contract import Context, Refused, State, Unknown
from backends.runtime import SourceIO
from tests.integration.beds import pulse
from tests.integration.beds.mopidy import RealMopidy, free_port
from tests.integration.beds.mpd import RealMpd
from tests.integration.watching import Watched, watching
from tests.patience import NEVER, until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealMpd]:
    mpd = RealMpd(tmp_path / "mpd")
    yield mpd
    mpd.stop()


def fault(watched: Watched) -> str:
    said = watched.get("zone", "fault")
    return "" if isinstance(said, Unknown) or said is None else str(said)


async def test_it_is_a_zone_like_any_other(server: RealMpd, monkeypatch: pytest.MonkeyPatch) -> None:
    await asyncio.to_thread(server.play, "Näht", "Two")
    async with watching(MpdSource("h", server.address)) as watched:
        await watched.until(lambda w: w.get("zone", "title") == "Näht")
        zone = watched.of("zone")
        assert zone is not None
        seen = {name: watched.get("zone", name) for name in ("state", "artist", "length", "volume", "queue", "pid")}
        pid = server.process.pid
        assert seen == {
            "state": "playing", "artist": "Test Artist", "length": 59, "volume": 100, "queue": 2, "pid": pid
        }  # fmt: skip
        assert watched.get("zone", "output") == "nothing (null)"
        first = watched.get("zone", "position")
        assert isinstance(first, int)
        await watched.until(lambda w: w.get("zone", "position") == first + 2)
        monkeypatch.setattr("backends.audio.mpd.source.POLL", NEVER)
        await watched.again(1)
        await asyncio.to_thread(server.tell, "setvol 31", "next")  # an event, not the next reading
        await watched.until(lambda w: (w.get("zone", "volume"), w.get("zone", "title")) == (31, "Two"))


async def test_every_action_takes_effect_and_is_refused_when_already_so(server: RealMpd) -> None:
    await asyncio.to_thread(server.play, "one", "two", "three")
    async with watching(MpdSource("h", server.address)) as watched:
        await watched.until(lambda w: w.get("zone", "title") == "one")

        async def act(action: str, **args: str) -> str:
            zone = watched.of("zone")
            assert zone
            plan = await watched.act(zone, action, args)
            if action not in ("next", "previous", "again"):
                with pytest.raises(Refused):
                    await watched.act(zone, action, args)
            return plan.steps[0].shell

        assert "pause" in await act("pause")
        assert "play" in await act("play")
        await act("next")
        await act("previous")
        await act("again")
        assert "state: play" in await asyncio.to_thread(server.tell, "status")
        await act("volume", percent="17")
        assert "volume: 17" in await asyncio.to_thread(server.tell, "status")
        await act("stop")
        assert "state: stop" in await asyncio.to_thread(server.tell, "status")
        await act("play")
        zone = watched.of("zone")
        assert zone
        for action, args, words in (
            ("previous", {}, "no previous track"), ("volume", {"percent": "101"}, "from 0 to 100"),
        ):  # fmt: skip
            with pytest.raises(Refused, match=words):
                await watched.act(zone, action, args)


async def test_killed_and_stopped_are_told_apart_and_it_comes_back(server: RealMpd) -> None:
    async with watching(MpdSource("h", server.address)) as watched:
        await watched.until(lambda w: w.state is State.OK)
        server.signal(signal.SIGSTOP)
        await watched.until(lambda w: w.state is State.HUNG)
        server.signal(signal.SIGCONT)
        await watched.until(lambda w: w.state is State.OK)
        server.stop()
        await watched.until(lambda w: w.state is State.REFUSED)
        await asyncio.to_thread(server.start)
        await watched.until(lambda w: w.state is State.OK)


def plays(server: RealMpd) -> None:
    """Returns when it says so."""
    until(lambda: "state: play" in server.tell("status"), "it plays")


async def test_an_output_that_cannot_be_opened_is_told_until_it_plays_again(tmp_path: Path) -> None:
    with pulse.bed(1) as sound:
        output = 'type "alsa"\nname "bar"\ndevice "zone1"\nmixer_type "software"'
        server = await asyncio.to_thread(RealMpd, tmp_path / "mpd", output, sound.env)
        try:
            await asyncio.to_thread(sound.stop)
            await asyncio.to_thread(server.play, "one")
            async with watching(MpdSource("h", server.address)) as watched:
                await watched.until(lambda w: fault(w) == "sound server gone")
                assert watched.get("zone", "state") == "paused"
                await asyncio.to_thread(sound.start)
                await asyncio.to_thread(server.tell, "play")
                await asyncio.to_thread(plays, server)  # which may take its time; to be told of it may not
                await watched.until(lambda w: not fault(w) and w.get("zone", "state") == "playing")
        finally:
            server.stop()


async def test_discovery_takes_mpd_and_not_mopidys_frontend(
    server: RealMpd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    mopidy = await asyncio.to_thread(RealMopidy, "bar", tmp_path / "bar", "fakesink", {}, True, port)
    try:
        monkeypatch.setattr("backends.audio.mpd.source.USUAL_PORTS", (server.port, port))
        found = await discover(Context("h", Settings()), SourceIO("t"))
        assert [source.name for source in found] == [f"mpd {server.address}"]
    finally:
        mopidy.stop()
