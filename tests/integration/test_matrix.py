"""Rows of the diagnosis matrix, made on purpose with real servers and read off the screen. (Rows
that need a kernel's sound card or USB are drills: tests/rig.)"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.beds import pulse
from tests.integration.beds.mopidy import RealMopidy, make_track
from tests.integration.beds.mpd import RealMpd
from tests.terminal import FOH, Terminal

CLEAN = "0 CRIT  0 warn"


@pytest.fixture
def sound() -> Iterator[pulse.Bed]:
    with pulse.bed(1) as bed:
        yield bed


@pytest.fixture
def bar(sound: pulse.Bed, tmp_path: Path) -> Iterator[RealMopidy]:
    """Plays through ALSA to a sound server."""
    server = RealMopidy("bar", tmp_path / "bar", "alsasink device=zone1", sound.env)
    server.play(make_track(server.media / "a.flac", "A", length=300))
    server.until_it_plays()
    yield server
    server.stop()


def console(folder: Path, mopidy: str = "", mpd: str = "") -> Terminal:
    """On this one zone and nothing else of the machine."""
    nothing = folder / "nothing"
    venue = folder / "venue.toml"
    zone = (
        f"[mopidy]\nendpoints = ['{mopidy}']\n"
        if mopidy
        else f"[mpd]\nendpoints = ['{mpd}']\n[mopidy]\nprocesses = false\n"
    )
    usb = f"[usb]\nsysfs = '{nothing}'\n[hdmi2usb]\nsysfs = '{nothing}'\n"
    venue.write_text(f"{zone}{usb}[alsa]\nproc = '{nothing}'\n")
    return Terminal(FOH, 160, 48, {"FOH_VENUE": str(venue), "FOH_STATE": str(folder / "state")})


def test_an_output_that_cannot_be_opened(sound: pulse.Bed, bar: RealMopidy, tmp_path: Path) -> None:
    bar.rpc("core.playback.stop")
    sound.stop()
    with console(tmp_path, bar.endpoint) as screen:
        screen.wait_for(CLEAN)
        bar.rpc("core.playback.play")
        screen.wait_for("could not play: its device cannot be opened")
        sound.start()
        bar.rpc("core.playback.play")
        screen.wait_for(CLEAN)


def test_a_sound_server_that_has_died(sound: pulse.Bed, tmp_path: Path) -> None:
    server = RealMopidy("bar", tmp_path / "bar", f"pulsesink server=unix:{sound.socket} device=zone1", sound.env)
    try:
        server.play(make_track(server.media / "a.flac", "A", length=300))
        with console(tmp_path, server.endpoint) as screen:
            screen.wait_for(CLEAN)
            sound.stop()
            screen.wait_for("silent: says playing, but its sound server is gone")
            sound.start()
            screen.press("f")
            screen.wait_for("core.playback.play")
            screen.press("enter")
            screen.wait_for("done: restart playback")
            screen.wait_for(CLEAN)
    finally:
        server.stop()


def test_a_queue_that_runs_away(sound: pulse.Bed, bar: RealMopidy, tmp_path: Path) -> None:
    """With ALSA's pulse plugin, every track fails at once when the sound server has died, and `repeat` goes on."""
    bar.rpc("core.tracklist.set_repeat", value=True)
    with console(tmp_path, bar.endpoint) as screen:
        screen.wait_for(CLEAN)
        sound.stop()
        screen.wait_for("skips through its queue: ")
    bar.signal(signal.SIGKILL)  # it does not end by itself


def test_a_server_that_hangs(bar: RealMopidy, tmp_path: Path) -> None:
    with console(tmp_path, bar.endpoint) as screen:
        screen.wait_for(CLEAN)
        bar.signal(signal.SIGSTOP)
        screen.wait_for("does not answer")
        bar.signal(signal.SIGCONT)
        screen.wait_for(CLEAN)


def test_an_old_instance_in_the_place_of_a_new_one(bar: RealMopidy, tmp_path: Path) -> None:
    new = RealMopidy("bar", tmp_path / "new", "fakesink", {}, wait=False)
    new.stop()
    new.config.write_text(new.config.read_text().replace(f"port = {new.port}", f"port = {bar.port}"))
    try:
        with console(tmp_path, bar.endpoint) as screen:
            screen.wait_for(CLEAN)
            new.start(wait=False)
            screen.wait_for(f"the new process {new.process.pid} could not take its port")
            new.stop()
            screen.wait_for(CLEAN)
    finally:
        new.stop()


def test_the_same_of_an_mpd(sound: pulse.Bed, tmp_path: Path) -> None:
    output = 'type "alsa"\nname "bar"\ndevice "zone1"\nmixer_type "software"'
    server = RealMpd(tmp_path / "mpd", output, sound.env)
    try:
        server.play("one", length=300)
        with console(tmp_path, mpd=server.address) as screen:
            screen.wait_for(CLEAN)
            server.tell("stop")
            sound.stop()
            with contextlib.suppress(RuntimeError):  # it answers with the error, or shows it later
                server.tell("play")
            screen.wait_for("could not play: its sound server is gone")
            sound.start()
            server.tell("play")
            screen.wait_for(CLEAN)
            server.signal(signal.SIGSTOP)
            screen.wait_for("does not answer")
            server.signal(signal.SIGCONT)
            screen.wait_for(CLEAN)
    finally:
        server.stop()
