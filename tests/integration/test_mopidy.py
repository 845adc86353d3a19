"""The mopidy backend against a real Mopidy and the embedded one: one suite, so that neither drifts."""

from __future__ import annotations

import random
import signal
from collections.abc import AsyncIterator, Iterator

import pytest

from backends.audio.mopidy.source import MopidySource
from backends.contract import Refused, State, source_id
from tests.integration.beds.mopidy import RealMopidy, mopidies
from tests.integration.beds.mopidy_servers import Embedded, Real, Server
from tests.integration.watching import Watched, carry_out, watching
from tests.patience import NEVER

ZONE = ("zone",)
RELEASE = [
    "core.mixer.set_mute {'mute': True}", "core.playback.play",
    "core.playback.get_time_position, until it is above 0", "core.playback.stop",
    "core.mixer.set_mute {'mute': False}",
]  # fmt: skip


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
