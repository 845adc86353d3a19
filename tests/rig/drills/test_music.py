"""Music from real Mopidy servers: heard where it belongs, missed when its board leaves, unharmed by a console."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig.devices.venue import ROOMS, SPARE
from tests.rig.drills import recordings
from tests.rig.drills.console import WELL, Foh, trouble
from tests.rig.drills.recordings import LEVEL
from tests.rig.drills.undisturbed import undisturbed
from tests.rig.drills.venue import Venue, card, has_card, hw_ptr, playing, settle, until, write
from tests.rig.drills.zones import Zones, hertz, pcm, zones

KITCHEN = ROOMS.index("kitchen") + 1
BOARD = f"rig/board/1-{KITCHEN}"
INTO_NOTHING = f"kitchen plays into nothing: its board left USB port 1-{KITCHEN}"
OUTPUT_DEAD = "silent: says playing, but it has closed its PCM kitchen"
TAKEN = "cannot play: aplay ({pid}) has its PCM kitchen open"
STUCK = "silent: says playing, but PCM kitchen runs and its hardware pointer stands still"


@pytest.fixture(scope="module")
def players(emulator: Venue, tmp_path_factory: pytest.TempPathFactory, long: bool) -> Iterator[Zones]:
    """Every room's player, started once. Each takes the guest some seconds to start, so that usually two must do."""
    emulator.go_home()
    with zones(tmp_path_factory.mktemp("zones"), ROOMS if long else ("bar", "kitchen")) as started:
        yield started


@pytest.fixture
def music(calm: Venue, players: Zones, foh: Foh) -> Zones:
    """The players, none of which plays; foh knows which they are."""
    players.quiet()
    foh.configure(players.venue_file())
    return players


def test_every_zone_is_joined_to_the_board_that_sounds(calm: Venue, music: Zones, foh: Foh) -> None:
    music.play(*music.servers)
    report = foh.status()
    assert report.incidents == []
    assert len(report.rows("zone")) == len(music.servers)
    for room in music.servers:
        zone = report.rows("zone")[music.address(room)]
        row = report.rows("pcm")[report.linked(zone, "pcm", "pcm")]
        assert (zone["name"], zone["state"], row["state"], row["card_id"]) == (room, "playing", "RUNNING", room)
        assert report.linked(row, "board", "board") == f"1-{ROOMS.index(room) + 1}"
        sound = calm.hear(room)
        assert sound["hertz"] == pytest.approx([hertz(room)] * 2, abs=1)
        assert sound["level"] == pytest.approx([LEVEL] * 2, abs=0.1)


def test_a_board_that_leaves_its_zone_is_one_incident_until_the_remedy(calm: Venue, music: Zones, foh: Foh) -> None:
    """Mopidy has noticed nothing, and must be told to begin again."""
    music.play("kitchen")
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL, 40)
        calm.unplug("kitchen")
        console.wait_for(INTO_NOTHING, 10)
        report = foh.status()
        assert report.incidents == [("USB-BOARD-GONE", BOARD)]
        assert report.said["incidents"][0]["what"] == INTO_NOTHING
        assert report.said["status"] == "critical"
        assert trouble(console) == ("1 CRIT 0 warn", "8/9")
        back(calm)
        console.wait_for(OUTPUT_DEAD, 10)
        for action in ("stop", "play"):
            ran = foh("act", "zone/kitchen", action, "--yes")
            assert ran.returncode == 0, ran.stdout + ran.stderr
        console.until(lambda: trouble(console) == WELL, 10)
        until(lambda: calm.hear("kitchen")["hertz"] == pytest.approx([hertz("kitchen")] * 2, abs=1), 5)


@pytest.mark.long
def test_in_another_port_a_board_is_not_its_zones(calm: Venue, music: Zones, foh: Foh) -> None:
    """Nor does it keep its zone's neighbours from playing on."""
    music.play("kitchen", "bar")
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL, 40)
        calm.unplug("kitchen")
        console.wait_for(INTO_NOTHING, 10)
        calm.plug("kitchen", SPARE)
        until(lambda: has_card(SPARE), 10)
        write(SPARE, "power/control", "auto")
        console.wait_for(f"1-{SPARE} ", 10)
        console.until(lambda: trouble(console) == ("1 CRIT 0 warn", "9/10"), 10)
        frames = calm.report("kitchen")["frames"]
        assert INTO_NOTHING in console.text
        assert calm.hear("bar")["hertz"] == pytest.approx([hertz("bar")] * 2, abs=1)
        assert calm.report("kitchen")["frames"] == frames
        calm.unplug("kitchen")
        back(calm)
        console.wait_gone(INTO_NOTHING, 10)


def back(venue: Venue) -> None:
    """The kitchen's board is in its own port again, and may sleep."""
    venue.plug("kitchen")
    until(lambda: has_card(KITCHEN), 10)
    write(KITCHEN, "power/control", "auto")
    settle()


@pytest.mark.long
def test_a_board_that_another_program_holds_keeps_its_zone_silent(
    calm: Venue, music: Zones, foh: Foh, tmp_path: Path
) -> None:
    """Mopidy is told that the device is busy, and says nothing but that it has stopped."""
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL, 40)
        with playing(card(KITCHEN), 440, tmp_path) as player:
            music.servers["kitchen"].play(recordings.tone(tmp_path / "440.wav", 440, 10))
            console.wait_for(TAKEN.format(pid=player.pid), 10)
            report = foh.status()
            zone = report.rows("zone")[music.address("kitchen")]
            held = report.rows("pcm")["hw:kitchen,0"]
            assert (zone["state"], held["state"], held["owner"]) == ("stopped", "RUNNING", player.pid)
            assert report.linked(zone, "pcm", "pcm") == "hw:kitchen,0"
            console.until(lambda: trouble(console) == ("0 CRIT 1 warn", "9/9"), 5)
        console.until(lambda: trouble(console) == WELL, 10)


@pytest.mark.long
def test_a_zone_whose_stream_stands_still_is_critical(calm: Venue, music: Zones, foh: Foh) -> None:
    """The board takes no more sound: the kernel says RUNNING, Mopidy says playing, and neither moves."""
    music.play("kitchen")
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL, 40)
        calm.ask("freeze", name="kitchen")
        console.wait_for(STUCK, 15)
        console.until(lambda: trouble(console) == ("1 CRIT 0 warn", "9/9"), 5)
        pointer, frames = hw_ptr(card(KITCHEN)), calm.report("kitchen")["frames"]
        held = foh.status().rows("pcm")["hw:kitchen,0"]
        player = music.servers["kitchen"].process.pid
        assert (held["state"], held["hw_ptr"], held["owner"]) == ("RUNNING", pointer, player)
        assert (hw_ptr(card(KITCHEN)), calm.report("kitchen")["frames"]) == (pointer, frames)


@pytest.mark.long
def test_nine_zones_lose_nothing_to_the_console(calm: Venue, music: Zones, foh: Foh) -> None:
    music.play_numbered()
    undisturbed(calm, foh, 30)
    assert {pcm(room) for room in ROOMS} == {"RUNNING"}
