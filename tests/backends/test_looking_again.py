"""A source looks again when a run has done something to it, though nothing tells of the change and no period ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import convert

from backends.audio import alsa
from backends.audio.pulse import source as pulse
from backends.capture import hdmi2usb, picture
from backends.containers import lxd
from backends.demo.captures import Captures
from backends.demo.lxd import LxdServer
from backends.demo.lxd_shapes import Box
from backends.demo.mixer import Mixers
from backends.demo.mopidy import Player, Track
from backends.demo.sound import DemoSoundServer
from tests.backends.capture.test_hdmi2usb import plug
from tests.integration.watching import watching
from tests.patience import NEVER


class QuietMixers(Mixers):
    """Tells nobody of a change, unless it is asked."""

    def tell(self) -> None:
        if not self._faders:
            super().tell()


class QuietSound(DemoSoundServer):
    """The same for streams."""

    def tell(self) -> None:
        if not self._moved:
            super().tell()


class QuietLxd(LxdServer):
    """The same for containers."""

    def _broadcast(self, kind: str, metadata: dict[str, Any], project: str) -> None:
        pass


@contextlib.asynccontextmanager
async def served(lines: Mixers | DemoSoundServer) -> AsyncIterator[None]:
    lines._beat = NEVER
    task = asyncio.create_task(lines.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_a_mixer_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alsa, "SILENCE", NEVER)
    mixers = QuietMixers(tmp_path / "mixer", lambda: {"bar": 0})
    async with served(mixers), watching(alsa.Mixers("h", alsa.Settings(mixer=mixers.argv))) as watched:
        await watched.until(lambda w: w.of("control"))
        control = watched.of("control")
        assert control
        await watched.act(control, "mute")
        assert watched.get("control", "mute") is True


async def test_a_sound_server_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "SILENCE", NEVER)
    players = {name: Player([Track("one", "A")]) for name in ("bar", "foyer")}
    for player in players.values():
        player.state = "playing"
    sound = QuietSound(tmp_path / "sound", players)
    async with served(sound), watching(pulse.SoundServer("h", sound.address, sound.argv)) as watched:
        await watched.until(lambda w: w.of("stream"))
        stream = watched.of("stream", "0@embedded")
        assert stream
        await watched.act(stream, "move", {"sink": "foyer"})
        assert watched.get("stream", "sink", stream.id.local) == "foyer"


async def test_a_container_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lxd, "EVERY", NEVER)
    server = QuietLxd(str(tmp_path / "lxd"), "alpha", [Box("web1"), Box("web2")])
    await server.start()
    try:
        async with watching(lxd.LxdSource("h", server.path)) as watched:
            await watched.until(lambda w: w.of("instance", "web1"))
            web1 = watched.of("instance", "web1")
            assert web1
            await watched.act(web1, "stop")
            assert [watched.get("instance", "state", name) for name in ("web1", "web2")] == ["Stopped", "Running"]
    finally:
        await server.close()


async def test_a_capture_board_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdmi2usb, "POLL", NEVER)
    monkeypatch.setattr(hdmi2usb, "ASK", NEVER)
    root = tmp_path / "sys"
    plug(root, urbnum="7", **{"{port}:1.0/video4linux/video0/name": "HDMI2USB"})
    captures = Captures(tmp_path / "dev", ["1-1.3"])

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with captures.running(), await asyncio.start_unix_server(accept, tmp_path / "events"):
        tree = {"sysfs": str(root), "events": f"unix:{tmp_path}/events", "firmware": False}
        settings = convert(tree | captures.settings, hdmi2usb.Settings)
        async with watching(hdmi2usb.Hdmi2Usb("h", settings)) as watched:
            await watched.until(lambda w: w.get("capture", "streams") is False)  # what else is known of it is known
            board = watched.of("capture")
            assert board
            await watched.act(board, "look")
            assert watched.get("capture", "picture") == picture.MOVING
