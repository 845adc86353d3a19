"""The mopidy backend against a real Mopidy and the embedded one: one suite, so that neither drifts."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Protocol

import httpx
import psutil
import pytest

from backends.audio.mopidy import players
from backends.audio.mopidy.source import MopidySource, Settings, discover
from backends.contract import Context, Link, Refused, State, Unknown, source_id
from backends.demo.mopidy import MopidyServer, Player, Track
from backends.runtime import SourceIO
from tests.integration.beds.mopidy import RealMopidy, make_track, mopidies
from tests.integration.watching import Watched, carry_out, watching
from tests.patience import NEVER

ZONE = ("zone",)
RELEASE = [
    "core.mixer.set_mute {'mute': True}", "core.playback.play",
    "core.playback.get_time_position, until it is above 0", "core.playback.stop",
    "core.mixer.set_mute {'mute': False}",
]  # fmt: skip


class Server(Protocol):
    """What an outsider does to a server, whichever it is."""

    endpoint: str

    async def rpc(self, method: str, **params: object) -> object: ...
    async def queue(self, *titles: str) -> None: ...
    async def kill(self) -> None: ...
    async def start(self) -> None: ...


class Embedded:
    def __init__(self) -> None:
        self.server = MopidyServer(Player([], "stopped"))
        self.endpoint = ""

    async def rpc(self, method: str, **params: object) -> object:
        body = {"jsonrpc": "2.0", "id": 1, "method": method} | ({"params": params} if params else {})
        async with httpx.AsyncClient() as client:
            return (await client.post(f"{self.endpoint}/mopidy/rpc", json=body)).json()["result"]

    async def queue(self, *titles: str) -> None:
        player = self.server.player
        player.tracks = {n: Track(title, "Test Artist") for n, title in enumerate(titles, 1)}
        player.current = None

    async def kill(self) -> None:
        await self.server.stop()

    async def start(self) -> None:
        await self.server.start()
        self.endpoint = self.server.endpoint


class Real:
    def __init__(self, server: RealMopidy) -> None:
        self.server, self.endpoint = server, server.endpoint

    async def rpc(self, method: str, **params: object) -> object:
        return await asyncio.to_thread(self.server.rpc, method, **params)

    async def queue(self, *titles: str) -> None:
        await self.rpc("core.tracklist.clear")  # first, so that it plays none of the files that are written anew
        tracks = [make_track(self.server.media / f"{n}.flac", title, length=30) for n, title in enumerate(titles)]
        await self.rpc("core.tracklist.add", uris=[track.as_uri() for track in tracks])

    async def kill(self) -> None:
        self.server.signal(signal.SIGKILL)
        await asyncio.to_thread(self.server.process.wait)

    async def start(self) -> None:
        if self.server.process.poll() is not None:
            self.server.start()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealMopidy]:
    with mopidies(tmp_path_factory.mktemp("mopidy"), ("bar",)) as servers:
        yield servers["bar"]


@pytest.fixture(params=["embedded", "real"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    chosen: Server = Embedded() if request.param == "embedded" else Real(request.getfixturevalue("real"))
    await chosen.start()
    yield chosen
    if isinstance(chosen, Embedded):
        await chosen.kill()


def random_title() -> str:
    return f"Title {random.randrange(10**9)} \x1b]0;x\x07 [@click=app.quit]y[/]"


async def playing(server: Server, watched: Watched) -> str:
    title = random_title()
    await server.queue(title, "Second")
    await watched.until(lambda w: w.get("zone", "state") == "stopped")
    begun = number(watched, "tracks_begun")
    await server.rpc("core.playback.play")
    shown = title.replace("\x1b", "␛").replace("\x07", "␇")
    expected = ("playing", shown, begun + 1)
    await watched.until(lambda w: tuple(w.get("zone", f) for f in ("state", "title", "tracks_begun")) == expected)
    return shown


def number(watched: Watched, field: str) -> int:
    value = watched.get("zone", field)
    assert isinstance(value, int)
    return value


def source(server: Server) -> MopidySource:
    return MopidySource("h", server.endpoint)


async def test_what_an_outsider_does_is_seen_by_its_event(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.audio.mopidy.source.HEARTBEAT", NEVER)
    async with watching(source(server)) as watched:
        await playing(server, watched)
        assert watched.get("zone", "artist") == "Test Artist"
        volume = random.randrange(10, 39)
        await server.rpc("core.mixer.set_volume", volume=volume)
        await watched.until(lambda w: w.get("zone", "volume") == volume)
        await server.rpc("core.mixer.set_mute", mute=True)
        await watched.until(lambda w: w.get("zone", "soft_mute") is True)
        await server.rpc("core.mixer.set_mute", mute=False)
        await server.rpc("core.playback.pause")
        await watched.until(lambda w: w.get("zone", "state") == "paused")
        before = watched.get("zone", "position")
        await server.rpc("core.playback.resume")
        await watched.until(lambda w: isinstance(p := w.get("zone", "position"), int) and p > before)


async def test_a_seek_is_told_from_a_track_that_begins(real: RealMopidy) -> None:
    """Else somebody who drags a slider would look like a player that runs away."""
    server = Real(real)
    await server.start()
    async with watching(source(server)) as watched:
        await playing(server, watched)
        begun, jumps = number(watched, "tracks_begun"), number(watched, "jumps")
        for seconds in range(1, 4):
            await server.rpc("core.playback.seek", time_position=seconds * 5000)
        await watched.until(lambda w: w.get("zone", "jumps") == jumps + 3)
        assert watched.get("zone", "tracks_begun") == begun
        await server.rpc("core.playback.next")
        await watched.until(lambda w: w.get("zone", "tracks_begun") == begun + 1)


async def test_what_it_plays_goes_with_the_clock_from_track_to_track(real: RealMopidy) -> None:
    """Whether a track ends by itself or is left: what comes on faster runs away."""
    server = Real(real)
    await server.start()
    async with watching(source(server)) as watched:
        await playing(server, watched)
        begun, passed = number(watched, "tracks_begun"), number(watched, "passed")
        await server.rpc("core.playback.seek", time_position=27000)
        await watched.until(lambda w: w.get("zone", "tracks_begun") == begun + 1)  # after 30 s of it
        assert 2 <= number(watched, "passed") - passed <= 3
        await server.rpc("core.playback.next")
        await watched.until(lambda w: w.get("zone", "state") == "stopped")
        assert 2 <= number(watched, "passed") - passed <= 4


async def test_every_action_takes_effect_and_is_refused_when_already_so(server: Server) -> None:
    async with watching(source(server)) as watched:
        await playing(server, watched)
        io = watched.runtime.io(source_id(watched.source))
        for action, args in (
            ("pause", {}), ("play", {}), ("volume", {"percent": "55"}), ("software-mute", {}), ("software-unmute", {}),
            ("next", {}), ("previous", {}), ("again", {}), ("stop", {}),
        ):  # fmt: skip
            zone = watched.of("zone")
            assert zone is not None
            plan = await watched.act(zone, action, args)
            assert plan.steps
            assert "curl" in plan.steps[0].shell
            if action not in ("next", "previous", "again"):
                with pytest.raises(Refused, match="already"):
                    await watched.source.plan(plan.offer, args, io)


async def test_what_holds_its_output_is_made_to_let_go_again_and_again(server: Server) -> None:
    """A Mopidy that is told to stop before it has begun hangs, one time in ten."""
    async with watching(source(server)) as watched:
        await server.queue("Whatever it is")
        await server.rpc("core.playback.stop")
        await watched.until(lambda w: w.get("zone", "state") == "stopped" and w.get("zone", "queue") == 1)
        zone, io = watched.of("zone"), watched.runtime.io(source_id(watched.source))
        assert zone is not None
        offer = zone.offer("release")
        assert offer is not None
        for _ in range(40):
            plan = await watched.source.plan(offer, {}, io)
            await carry_out(watched.source, plan, io)
            assert [step.text for step in plan.steps] == RELEASE
        assert await server.rpc("core.playback.get_state") == "stopped"


async def test_the_end_of_the_queue_is_no_next_track(server: Server) -> None:
    async with watching(source(server)) as watched:
        await server.queue("Only one")
        await server.rpc("core.playback.play")
        await watched.until(lambda w: w.get("zone", "state") == "playing")
        zone = watched.of("zone")
        assert zone is not None
        offer = zone.offer("next")
        assert offer is not None
        with pytest.raises(Refused, match="no next track"):
            await watched.source.plan(offer, {}, watched.runtime.io(source_id(watched.source)))


async def test_killed_is_refused_and_it_comes_back(server: Server) -> None:
    async with watching(source(server)) as watched:
        await watched.until(lambda w: w.state is State.OK)
        await server.kill()
        await watched.until(lambda w: w.state is State.REFUSED)
        await server.start()
        await watched.until(lambda w: w.state is State.OK)


async def test_stopped_is_hung_and_it_comes_back(real: RealMopidy) -> None:
    server = Real(real)
    await server.start()
    async with watching(source(server)) as watched:
        await playing(server, watched)
        real.signal(signal.SIGSTOP)
        try:
            await watched.until(lambda w: w.state is State.HUNG)
            offer = next(offer for offer in watched.of("zone").offers if offer.action == "pause")  # type: ignore[union-attr]
            with pytest.raises(TimeoutError):
                await watched.source.plan(offer, {}, watched.runtime.io(source_id(watched.source)))
        finally:
            real.signal(signal.SIGCONT)
        await watched.until(lambda w: w.state is State.OK)


async def test_the_process_and_its_output_are_found(real: RealMopidy) -> None:
    server = Real(real)
    await server.start()
    async with watching(source(server)) as watched:
        await watched.until(lambda w: w.state is State.OK)
        assert watched.get("zone", "pid") == real.process.pid
        assert watched.get("zone", "output") == "fakesink sync=true"
        assert watched.of("zone").name == "bar"  # type: ignore[union-attr]


async def test_a_lost_output_says_playing_and_stands_still() -> None:
    server = Embedded()
    await server.start()
    async with watching(source(server)) as watched:
        await playing(server, watched)
        server.server.player.lost = True
        await watched.until(lambda w: w.get("zone", "position") == 0)
        assert watched.get("zone", "state") == "playing"
    await server.kill()


async def test_discovery_takes_what_answers_as_mopidy_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int, tmp_path: Path
) -> None:
    server, stranger = Embedded(), await asyncio.start_server(_teapot, "127.0.0.1", 0)
    await server.start()
    ports = (server.server.port, stranger.sockets[0].getsockname()[1], unused_tcp_port)
    monkeypatch.setattr("backends.audio.mopidy.source.USUAL_PORTS", ports)
    found = await discover(Context("h", Settings()), SourceIO("t"))
    names = {each.name for each in found}  # and those of the other tests, by their processes
    assert names & {f"mopidy 127.0.0.1:{port}" for port in ports} == {f"mopidy 127.0.0.1:{ports[0]}"}
    stranger.close()
    await server.kill()


async def _teapot(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readline()
    writer.write(b"HTTP/1.1 418 teapot\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    writer.close()


async def test_zones_that_share_an_account_know_each_other_and_tell_no_secret(tmp_path: Path) -> None:
    """By the configurations of real processes. (The extension need not be there: Mopidy runs on without it.)"""
    secret = "[spotify]\nusername = house@venue.example\npassword = hunter2\n"
    servers = [RealMopidy(name, tmp_path / name, "fakesink", {}, wait=False) for name in ("bar", "foyer")]
    try:
        for server in servers:
            server.stop()
            server.config.write_text(server.config.read_text() + secret)
            server.start(wait=False)
        for server in servers:
            await asyncio.to_thread(server.wait)
        bar, foyer = (MopidySource("h", server.endpoint) for server in servers)
        async with watching(bar) as one, watching(foyer) as two:
            for watched in (one, two):
                await watched.until(lambda w: w.get("zone", "accounts"))
                assert "hunter2" not in str(watched.seen)
                assert "house" not in str(watched.seen)
            assert one.get("zone", "accounts") == two.get("zone", "accounts")
            first, other = (one, two) if bar.address < foyer.address else (two, one)
            await other.until(lambda w: [link.to.value for link in aside(w)] == [min(bar.address, foyer.address)])
            assert aside(first) == []
    finally:
        for server in servers:
            server.stop()


def aside(watched: Watched) -> list[Link]:
    zone = watched.of("zone")
    return [link for link in zone.links if link.relation.startswith("account ")] if zone else []


async def test_where_no_player_is_seen_among_the_processes_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "pids", list)
    monkeypatch.setattr(players, "_players", players._Players())
    server = Embedded()
    await server.start()
    async with watching(MopidySource("venue", server.endpoint)) as watched:
        await watched.until(lambda w: w.of("zone"))
    await server.kill()
    accounts = watched.get("zone", "accounts")
    assert isinstance(accounts, Unknown)
    assert accounts.detail
