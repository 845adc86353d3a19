"""Beds for the backends that talk to a server: the embedded servers behind a proxy that can go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

from mutagen.flac import FLAC

from backends.audio import alsa
from backends.audio.mopidy import source as mopidy
from backends.audio.mpd import source as mpd
from backends.audio.pulse import source as pulse
from backends.capture import voctomix
from backends.containers import lxd
from backends.demo.lxd import LxdServer
from backends.demo.lxd_shapes import Box
from backends.demo.mopidy import MopidyServer, Player, Track
from backends.demo.voctocore import Voctocore
from backends.testing.beds import SocketBed
from backends.testing.faults import Proxy, proxied
from tests.contract.tree_beds import laid
from tests.integration.beds import pulse as sound
from tests.integration.beds.mpd import RealMpd


@contextlib.asynccontextmanager
async def mopidy_bed(folder: Path) -> AsyncIterator[SocketBed]:
    player = Player([Track("one", "A"), Track("two", "B"), Track("three", "C")])
    server = MopidyServer(player)
    await server.start()

    def say(text: str) -> None:
        assert player.current
        player.tracks[player.current] = Track(text, text)
        player.retitle(text)

    async with proxied(Proxy(f"127.0.0.1:{server.port}", twist=(b'"result"', b'"resolt"'))) as proxy:
        yield SocketBed(mopidy.backend, "mopidy ", {"endpoints": [f"http://{proxy.address}"]}, proxy, say)
    await server.stop()


@contextlib.asynccontextmanager
async def mpd_bed(folder: Path) -> AsyncIterator[SocketBed]:
    """The real one. A stranger's text is a file's tag, where it may hold what UTF-8 can."""
    server = await asyncio.to_thread(RealMpd, folder / "mpd")
    await asyncio.to_thread(server.play, "one", "two", "three")

    times = itertools.count(int(time.time()) + 10)

    def say(text: str) -> None:
        now = next(times)
        for track in server.music.iterdir():
            file = FLAC(track)
            file["title"] = text.encode("utf-8", "replace").decode()
            file.save()
            os.utime(track, (now, now))  # a file that has changed within the same second is not read again
        server.rescan()

    try:
        async with proxied(Proxy(server.address, twist=(b"volume: ", b"volume= "))) as proxy:
            bed = SocketBed(mpd.backend, "mpd ", {"endpoints": [proxy.address]}, proxy, say)
            bed.room = 60_000  # python-mpd2 reads lines of up to 64 KiB
            yield bed
    finally:
        server.stop()


class TalkingCore(Voctocore):
    """A core whose audio channels have a stranger's name."""

    channel = "cam1"

    def _audio(self) -> str:
        return f"audio_status {json.dumps({self.channel: 1.0})}"

    def say(self, text: str) -> None:
        self.channel = text
        for client in self._clients:
            client.write(f"{self._audio()}\n".encode())


@contextlib.asynccontextmanager
async def voctomix_bed(folder: Path) -> AsyncIterator[SocketBed]:
    core = TalkingCore()
    await core.start()
    twist = (b"composite_mode_and_video_status", b"composite_mode_and_video_nothing")
    twist = (twist[0], twist[1][: len(twist[0])])
    async with proxied(Proxy(f"127.0.0.1:{core.port}", twist=twist)) as proxy:
        yield SocketBed(voctomix.backend, "voctomix ", {"endpoints": [proxy.address]}, proxy, core.say)
    await core.close()


@contextlib.asynccontextmanager
async def lxd_bed(folder: Path) -> AsyncIterator[SocketBed]:
    server = LxdServer(str(folder / "inner"), "alpha", [Box("web1"), Box("web2", status="Stopped")], 0.2)
    server.add(Box("web3"))
    server.freeze("web3")
    await server.start()

    def say(text: str) -> None:
        box = server.boxes["default", "web1"]
        box.image, box.snapshots = text, [text]
        server.freeze("web3")  # an event, so that it is read again
        server._lifecycle("instance-updated", "web1", "default")

    twist = (b'"metadata"', b'"metagata"')
    async with proxied(Proxy(server.path, folder / "lxd", twist=twist)) as proxy:
        yield SocketBed(lxd.backend, "lxd ", {"sockets": [proxy.address]}, proxy, say)
    await server.close()


@contextlib.asynccontextmanager
async def mixer_bed(folder: Path) -> AsyncIterator[SocketBed]:
    async with (
        laid(folder / "tree") as (_, mixers),
        proxied(Proxy(str(mixers.socket), folder / "proxy", twist=(b'"controls"', b'"kontrols"'))) as proxy,
    ):
        section = {"proc": str(folder / "none"), "mixer": [*mixers.argv[:-1], proxy.address]}

        def say(text: str) -> None:
            name = text.encode("utf-8", "replace").decode()  # the child's lines are JSON, which has no lone surrogates
            mixers.cards = lambda: {"bar": 0, "foyer": 1, name: 2}
            mixers.tell()

        yield SocketBed(alsa.backend, "alsa mixer", section, proxy, say)


@contextlib.asynccontextmanager
async def pulse_bed(folder: Path) -> AsyncIterator[SocketBed]:
    """The real one. A stranger's text is what a program that plays calls itself, which may be any UTF-8 but NUL."""
    with sound.bed(3) as server:
        playing = [server.player("zone1", "one")]

        def say(text: str) -> None:
            playing.pop().kill()
            playing.append(server.player("zone1", text.encode("utf-8", "replace").decode().replace("\0", "")))

        twist = (b"tapplication.name", b"uapplication.name")  # the type of an entry in a list of properties
        async with proxied(Proxy(str(server.socket), folder / "proxy", twist=twist)) as proxy:
            bed = SocketBed(pulse.backend, "pulse ", {"servers": [f"unix:{proxy.address}"]}, proxy, say)
            bed.room = 1000
            yield bed
