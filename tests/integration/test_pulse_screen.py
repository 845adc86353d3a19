"""Zones in wrong sinks of a real PulseAudio, with real players, read off the screen."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.beds import pulse
from tests.integration.beds.mopidy import ZONES, RealMopidy, make_track, mopidies
from tests.integration.beds.mpd import RealMpd
from tests.patience import changed, throughout, until
from tests.terminal import FOH, Terminal

CLEAN = "0 CRIT  0 warn"


@pytest.fixture
def sound() -> Iterator[pulse.Bed]:
    with pulse.bed(3) as bed:
        yield bed


def console(folder: Path, sound: pulse.Bed, zones: str) -> Terminal:
    """On these zones and this sound server, and nothing else of the machine."""
    nothing, venue = folder / "nothing", folder / "venue.toml"
    usb = f"[usb]\nsysfs = '{nothing}'\n[hdmi2usb]\nsysfs = '{nothing}'\n"
    venue.write_text(f"{zones}{usb}[alsa]\nproc = '{nothing}'\n")
    return Terminal(FOH, 160, 48, {"FOH_VENUE": str(venue), "FOH_STATE": str(folder / "state"), **sound.env})


def pulsesink(sound: pulse.Bed, sink: str) -> str:
    return f"pulsesink server=unix:{sound.socket} device={sink}"


def alsasink(sound: pulse.Bed, sink: str) -> str:
    return f"alsasink device={sink}"


@contextlib.contextmanager
def mopidy(sound: pulse.Bed, folder: Path, output: str) -> Iterator[tuple[str, int]]:
    server = RealMopidy("bar", folder / "bar", output, sound.env)
    try:
        server.play(make_track(server.media / "a.flac", "A", length=300))
        server.until_it_plays()
        yield f"[mopidy]\nendpoints = ['{server.endpoint}']\n", server.process.pid
    finally:
        server.stop()


@contextlib.contextmanager
def mpd(sound: pulse.Bed, folder: Path) -> Iterator[tuple[str, int]]:
    server = RealMpd(folder / "mpd", 'type "pulse"\nname "bar"\nsink "zone1"\nmixer_type "software"', sound.env)
    try:
        server.play("A", length=300)
        yield f"[mpd]\nendpoints = ['{server.address}']\n[mopidy]\nprocesses = false\n", server.process.pid
    finally:
        server.stop()


SinkInput = Callable[[pulse.Bed, Path], contextlib.AbstractContextManager[tuple[str, int]]]
PLAYERS: dict[str, SinkInput] = {
    "pulsesink": lambda sound, folder: mopidy(sound, folder, pulsesink(sound, "zone1")),
    "alsasink": lambda sound, folder: mopidy(sound, folder, alsasink(sound, "zone1")),
    "mpd": mpd,
}


@contextlib.contextmanager
def opened(screen: Terminal) -> Iterator[None]:
    """The first incident, whole."""
    screen.press("i", "enter")
    screen.wait_for("about (Enter follows)")
    yield
    screen.press("escape")
    screen.wait_gone("about (Enter follows)")


def mend(screen: Terminal, sink: str) -> None:
    """Presses what the screen offers for the first incident; it ends because the stream has been seen back."""
    with opened(screen):
        screen.wait_for(f"move its stream back into sink {sink}")
    screen.press("i", "f")
    screen.wait_for("Cancel")
    screen.wait_for("move-sink-input")
    screen.press("right", "enter")
    screen.wait_for("done: play into another sink")
    screen.wait_for(CLEAN)


@pytest.mark.parametrize("player", PLAYERS)
def test_a_zone_in_the_wrong_sink_is_named_and_brought_back(player: str, sound: pulse.Bed, tmp_path: Path) -> None:
    with PLAYERS[player](sound, tmp_path) as (zones, pid), console(tmp_path, sound, zones) as screen:
        screen.wait_for(CLEAN)
        screen.wait_for(" playing ")
        screen.until(lambda: sound.inputs().get(str(pid), (0, ""))[1] == "zone1")
        position = changed(lambda: re.findall(r"\d+:\d\d +\d+%", screen.text), 4)
        screen.until(throughout(lambda: CLEAN in screen.text, position, "a healthy zone"))
        sound.pactl("move-sink-input", str(sound.inputs()[str(pid)][0]), "zone2")
        screen.wait_for("plays into sink zone2 instead of zone1")
        with opened(screen):
            screen.wait_for(f" {pid} plays into zone2")
        mend(screen, "zone1")
        assert sound.inputs()[str(pid)][1] == "zone1"
        sound.remove("zone1")
        screen.until(lambda: "instead of zone1, which does not exist" in screen.text)
        with opened(screen):
            screen.wait_for("bring sink zone1 back")
            assert "move its stream back" not in screen.text
        sound.restore("zone1")
        if sound.inputs()[str(pid)][1] != "zone1":
            mend(screen, "zone1")
        screen.wait_for(CLEAN)


def test_it_is_named_as_well_by_a_console_that_comes_late(sound: pulse.Bed, tmp_path: Path) -> None:
    """Nobody has seen the stream where it belongs; the player's configuration says where that is."""
    with mopidy(sound, tmp_path, pulsesink(sound, "zone1")) as (zones, pid):
        until(lambda: sound.inputs().get(str(pid), (0, ""))[1] == "zone1")
        sound.remove("zone1")
        with console(tmp_path, sound, zones) as screen:
            screen.wait_for("instead of zone1, which does not exist")
            sound.restore("zone1")
            mend(screen, "zone1")
            assert sound.inputs()[str(pid)][1] == "zone1"


def test_nine_zones_of_which_one_loses_its_sink(tmp_path: Path) -> None:
    sinks = {name: f"zone{number}" for number, name in enumerate(ZONES, 1)}
    with pulse.bed(len(ZONES)) as sound:

        def output(name: str) -> str:
            return (pulsesink, alsasink)[list(ZONES).index(name) % 2](sound, sinks[name])

        with mopidies(tmp_path, output=output, env=sound.env) as servers:
            tone = make_track(tmp_path / "a.flac", "A", length=300)
            for server in servers.values():
                server.play(Path(shutil.copy(tone, server.media)))
            endpoints = [server.endpoint for server in servers.values()]
            with console(tmp_path, sound, f"[mopidy]\nendpoints = {endpoints}\n") as screen:
                screen.wait_for("sources 11/11")
                pids = {name: str(server.process.pid) for name, server in servers.items()}
                screen.until(lambda: {pid: sink for pid, (_, sink) in sound.inputs().items()}
                             == {pids[name]: sink for name, sink in sinks.items()})  # fmt: skip
                positions = changed(lambda: re.findall(r"\d+:\d\d +\d+%", screen.text), 4)
                screen.until(throughout(lambda: CLEAN in screen.text, positions, "nine healthy zones"))
                lost = "kitchen"
                sound.remove(sinks[lost])
                screen.wait_for("1 CRIT  0 warn")
                into = sound.inputs()[pids[lost]][1]
                screen.wait_for(f"plays into sink {into} instead of {sinks[lost]}, which does not exist")
                with opened(screen):
                    screen.wait_for(f"{pids[lost]} plays into {into}")
                    screen.wait_for("plays there too")
                sound.restore(sinks[lost])
                mend(screen, sinks[lost])
                assert sound.inputs()[pids[lost]][1] == sinks[lost]
