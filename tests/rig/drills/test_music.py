"""Music from nine real Mopidy servers: heard where it belongs, missed when its board leaves, unharmed by a console."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig.devices.venue import ROOMS, SPARE
from tests.rig.drills import recordings
from tests.rig.drills.console import WELL, Foh, trouble
from tests.rig.drills.recordings import LEVEL, RATE
from tests.rig.drills.venue import Venue, card, has_card, playing, settle, until, write
from tests.rig.drills.zones import Zones, hertz, pcm, zones

KITCHEN = ROOMS.index("kitchen") + 1
BOARD = f"rig/board/1-{KITCHEN}"
INTO_NOTHING = f"kitchen plays into nothing: its board left USB port 1-{KITCHEN}"
STANDS_STILL = "says playing but its position stands still"


@pytest.fixture(scope="module")
def players(emulator: Venue, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zones]:
    """Nine rooms' players, started once."""
    emulator.go_home()
    with zones(tmp_path_factory.mktemp("zones")) as started:
        yield started


@pytest.fixture
def music(calm: Venue, players: Zones, foh: Foh) -> Zones:
    """The players, none of which plays; foh knows which they are."""
    players.quiet()
    foh.configure(players.venue_file())
    return players


def test_every_zone_is_joined_to_the_board_that_sounds(calm: Venue, music: Zones, foh: Foh) -> None:
    music.play(*ROOMS)
    report = foh.status()
    assert report.incidents == []
    for port, room in enumerate(ROOMS, 1):
        zone = report.rows("zone")[music.address(room)]
        row = report.rows("pcm")[report.linked(zone, "pcm", "pcm")]
        assert (zone["name"], zone["state"], row["state"], row["card_id"]) == (room, "playing", "RUNNING", room)
        assert report.linked(row, "board", "board") == f"1-{port}"
        sound = calm.hear(room)
        assert sound["hertz"] == pytest.approx([hertz(room)] * 2, abs=1)
        assert sound["level"] == pytest.approx([LEVEL] * 2, abs=0.1)


def test_a_board_that_leaves_its_zone_is_one_incident_until_the_remedy(calm: Venue, music: Zones, foh: Foh) -> None:
    """In its port and in no other; and Mopidy, which has noticed nothing, must be told to begin again."""
    music.play("kitchen", "bar")
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL, 40)
        calm.unplug("kitchen")
        console.wait_for(INTO_NOTHING, 10)
        report = foh.status()
        assert report.incidents == [("USB-BOARD-GONE", BOARD)]
        assert report.said["incidents"][0]["what"] == INTO_NOTHING
        assert (report.said["status"], trouble(console)) == ("critical", ("1 CRIT 0 warn", "8/9"))
        calm.plug("kitchen", SPARE)
        until(lambda: has_card(SPARE), 10)
        write(SPARE, "power/control", "auto")
        console.wait_for(f"1-{SPARE} ", 10)
        assert INTO_NOTHING in console.text
        calm.unplug("kitchen")
        calm.plug("kitchen")
        until(lambda: has_card(KITCHEN), 10)
        write(KITCHEN, "power/control", "auto")
        console.wait_gone(INTO_NOTHING, 10)
        console.wait_for(STANDS_STILL, 10)
        settle()
        for action in ("stop", "play"):
            ran = foh("act", "zone/kitchen", action, "--yes")
            assert ran.returncode == 0, ran.stdout + ran.stderr
        console.until(
            lambda: trouble(console) == ("0 CRIT 1 warn", "9/10"), 10
        )  # that it left the other port stays said
        assert calm.hear("kitchen")["hertz"] == pytest.approx([hertz("kitchen")] * 2, abs=1)
        assert calm.hear("bar")["hertz"] == pytest.approx([hertz("bar")] * 2, abs=1)
    assert foh.status().incidents == []


def test_a_board_that_another_program_holds_keeps_its_zone_silent(
    calm: Venue, music: Zones, foh: Foh, tmp_path: Path
) -> None:
    """Mopidy is told that the device is busy, and says nothing but that it has stopped."""
    with playing(card(KITCHEN), 440, tmp_path) as player:
        music.servers["kitchen"].play(recordings.tone(tmp_path / "440.wav", 440, 10))
        report = foh.status()
        zone = report.rows("zone")[music.address("kitchen")]
        held = report.rows("pcm")["hw:kitchen,0"]
        assert (zone["state"], held["state"], held["owner"]) == ("stopped", "RUNNING", player.pid)
        assert report.linked(zone, "pcm", "pcm") == "hw:kitchen,0"
        assert report.incidents == []  # no rule says so yet


def test_a_zone_whose_stream_stands_still_is_critical(calm: Venue, music: Zones, foh: Foh) -> None:
    """The board takes no more sound: the kernel says RUNNING, Mopidy says playing, and neither moves."""
    music.play("kitchen")
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL, 40)
        calm.ask("freeze", name="kitchen")
        console.wait_for(STANDS_STILL, 15)
        assert pcm("kitchen") == "RUNNING"
        assert trouble(console) == ("1 CRIT 0 warn", "9/9")


def heard(venue: Venue, seconds: float) -> tuple[int, float]:
    """Of the rooms' numbered frames in so many seconds: how often the next one was not the next number, and how many
    the slowest room had in a second."""
    venue.ask("follow")
    time.sleep(seconds)
    rooms = venue.ask("followed").values()
    return sum(room["slips"] for room in rooms), min(room["frames"] / room["seconds"] for room in rooms)


def smooth(venue: Venue) -> bool:
    """Nothing slips, and the emulated bus has caught up with whatever kept the guest busy."""
    slips, pace = heard(venue, 1.0)
    return slips == 0 and pace == pytest.approx(RATE, rel=0.01)


def test_nine_zones_lose_nothing_to_the_console(calm: Venue, music: Zones, foh: Foh, long: bool) -> None:
    seconds = 30.0 if long else 8.0
    music.play_numbered()
    until(lambda: smooth(calm), 30)
    alone = heard(calm, seconds)
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL, 40)
        until(lambda: smooth(calm), 30)
        beside = heard(calm, seconds)
    print(f"slips, and frames per second: {alone} without the console, {beside} with it")
    assert (alone[0], beside[0]) == (0, 0)
    assert (alone[1], beside[1]) == pytest.approx((RATE, RATE), rel=0.01)
    assert {pcm(room) for room in ROOMS} == {"RUNNING"}
