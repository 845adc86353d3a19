"""Music from real Mopidy servers: heard where it belongs, missed when its board leaves, unharmed by a console."""

from __future__ import annotations

import contextlib
import http.server
import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import IDLE, RUNS, STARVED, elapse, until
from tests.rig.devices.venue import ROOMS, SPARE
from tests.rig.drills import recordings
from tests.rig.drills.console import WELL, Foh, trouble
from tests.rig.drills.opened import opened
from tests.rig.drills.venue import Venue, card, has_card, hw_ptr, playing, read, settle, sleeps, write
from tests.rig.drills.zones import Zones, hertz, joined, pcm, zones

KITCHEN = ROOMS.index("kitchen") + 1
BOARD = f"rig/board/1-{KITCHEN}"
INTO_NOTHING = f"kitchen is silent: no amplifier at USB port 1-{KITCHEN}"
OUTPUT_DEAD = "silent: says playing, but it closed its sound card kitchen"
TAKEN = "cannot play: aplay ({pid}) holds its sound card kitchen"
COULD_NOT = "could not play: another program holds its sound card"
HOLDS = "stopped, but still holds its sound card kitchen open: its amplifier stays on"
SOURCE = "silent: says playing, but no data arrives from its source"
STUCK = "silent: says playing, but PCM kitchen runs while its hardware pointer stands still"


@pytest.fixture(scope="module")
def players(emulator: Venue, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zones]:
    """Two rooms' players, started once: each takes the guest some seconds."""
    emulator.go_home()
    with zones(tmp_path_factory.mktemp("zones"), ("bar", "kitchen")) as started:
        yield started


@pytest.fixture
def music(calm: Venue, players: Zones, foh: Foh) -> Zones:
    """The players, none of which plays; foh knows which they are."""
    players.quiet()
    foh.configure(players.venue_file())
    return players


def test_a_zone_is_joined_to_the_board_that_sounds(calm: Venue, music: Zones, foh: Foh) -> None:
    joined(calm, music, foh)


def test_a_board_that_leaves_its_zone_is_one_incident_until_the_remedy(calm: Venue, music: Zones, foh: Foh) -> None:
    """Mopidy has noticed nothing, and must be told to begin again."""
    music.play("kitchen")
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL)
        calm.unplug("kitchen")
        console.wait_for(INTO_NOTHING)
        report = foh.status()
        assert report.incidents == [("USB-BOARD-GONE", BOARD)]
        assert report.said["incidents"][0]["what"] == INTO_NOTHING
        assert report.said["status"] == "critical"
        assert trouble(console) == ("1 CRIT 0 warn", "8/9")
        back(calm)
        console.wait_for(OUTPUT_DEAD)
        console.until(lambda: trouble(console) == ("1 CRIT 0 warn", "9/9"))  # nothing else comes first
        console.press("f")
        console.wait_for("core.playback.play")
        console.press("enter")
        console.wait_for("done: restart playback")
        console.until(lambda: trouble(console) == WELL)
        until(lambda: calm.hear("kitchen")["hertz"] == pytest.approx([hertz("kitchen")] * 2, abs=1))


@pytest.mark.long
def test_in_another_port_a_board_is_not_its_zones(calm: Venue, music: Zones, foh: Foh) -> None:
    """Nor does it keep its zone's neighbours from playing on."""
    music.play("kitchen", "bar")
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL)
        calm.unplug("kitchen")
        console.wait_for(INTO_NOTHING)
        calm.plug("kitchen", SPARE)
        until(lambda: has_card(SPARE))
        write(SPARE, "power/control", "auto")
        console.wait_for(f"1-{SPARE} ")
        console.until(lambda: trouble(console) == ("1 CRIT 0 warn", "9/10"))
        frames = calm.report("kitchen")["frames"]
        assert INTO_NOTHING in console.text
        assert calm.hear("bar")["hertz"] == pytest.approx([hertz("bar")] * 2, abs=1)
        assert calm.report("kitchen")["frames"] == frames
        calm.unplug("kitchen")
        back(calm)
        console.wait_gone(INTO_NOTHING)


def back(venue: Venue) -> None:
    """The kitchen's board is in its own port again, and may sleep."""
    venue.plug("kitchen")
    until(lambda: has_card(KITCHEN))
    write(KITCHEN, "power/control", "auto")
    settle()


@pytest.mark.long
def test_a_board_that_another_program_holds_keeps_its_zone_silent(
    calm: Venue, music: Zones, foh: Foh, tmp_path: Path
) -> None:
    """Mopidy is told that the device is busy, and says nothing but that it has stopped."""
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL)
        with playing(card(KITCHEN), 440, tmp_path) as player:
            music.servers["kitchen"].play(recordings.tone(tmp_path / "440.wav", 440, 10))
            console.wait_for(TAKEN.format(pid=player.pid))
            report = foh.status()
            zone = report.rows("zone")[music.address("kitchen")]
            held = report.rows("pcm")["hw:kitchen,0"]
            assert (zone["state"], held["state"], held["owner"]) == ("stopped", "RUNNING", player.pid)
            assert report.linked(zone, "pcm", "pcm") == "hw:kitchen,0"
            assert zone["fault"] == "device busy"
            console.until(lambda: trouble(console) == ("0 CRIT 1 warn", "9/9"))
        console.wait_for(COULD_NOT)  # the device is free again, and nobody plays
        ran = foh("act", "zone/kitchen", "play", "--yes")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        console.until(lambda: trouble(console) == WELL)


@pytest.mark.long
def test_a_queue_that_ends_by_itself_holds_its_board_until_it_is_let_go(
    calm: Venue, music: Zones, foh: Foh, tmp_path: Path
) -> None:
    """Mopidy says that it has stopped; its PCM runs on and plays silence, and no stop closes it."""
    player = music.servers["kitchen"]
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL)
        player.play(recordings.tone(tmp_path / "short.wav", 440, 3))
        console.wait_for(HOLDS)
        assert (player.rpc("core.playback.get_state"), pcm("kitchen")) == ("stopped", "RUNNING")
        player.rpc("core.playback.stop")
        assert pcm("kitchen") == "RUNNING"
        ran = foh("act", "zone/kitchen", "release", "--yes")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert pcm("kitchen") == "closed"
        console.until(lambda: trouble(console) == WELL)


@pytest.mark.long
def test_a_stream_that_stands_still_is_told_from_a_dead_output(
    calm: Venue, music: Zones, foh: Foh, tmp_path: Path
) -> None:
    """A radio station sends half a minute and then nothing more; the board is well."""
    with foh.console() as console, stalling(recordings.tone(tmp_path / "radio.wav", 440, 60)) as station:
        console.until(lambda: trouble(console) == WELL)
        player = music.servers["kitchen"]
        player.rpc("core.tracklist.add", uris=[station])
        player.rpc("core.playback.play")
        console.wait_for(SOURCE)
        assert foh.status().incidents == [("ZONE-SOURCE-STALLED", f"rig/zone/{music.address('kitchen')}")]
        player.rpc("core.playback.stop")
        console.until(lambda: trouble(console) == WELL)


@contextlib.contextmanager
def stalling(recording: Path) -> Iterator[str]:
    """The address of a stream on loopback that stops in the middle of the recording, and stays connected."""
    over = threading.Event()

    class Station(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = recording.read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "audio/x-wav")
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(data[: len(data) // 4])
                over.wait()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Station)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/radio.wav"
    finally:
        over.set()
        server.shutdown()
        server.server_close()


@pytest.mark.long
def test_nothing_that_foh_reads_opens_a_board(calm: Venue, music: Zones, foh: Foh) -> None:
    """Opening a node of /dev/bus/usb wakes an amplifier (drivers/usb/core/devio.c), and so does opening a PCM."""
    music.play("kitchen")
    nodes = [Path("/dev/snd"), *Path("/dev/bus/usb").iterdir()]
    with opened(nodes) as seen, foh.console() as console:
        console.until(lambda: trouble(console) == WELL)
        console.wait_for("-20.0 dB")  # the mixers have been read as well
        elapse(IDLE)
        assert {name.rstrip("0123456789") for name in seen} == {"/dev/snd/controlC"}
        with contextlib.suppress(OSError):
            os.close(os.open(f"/dev/bus/usb/001/{1:03}", os.O_RDONLY))
        until(lambda: any("usb" in name for name in seen))  # this drill would notice


@pytest.mark.long
def test_a_zone_whose_stream_stands_still_is_critical(calm: Venue, music: Zones, foh: Foh) -> None:
    """The board takes no more sound: the kernel says RUNNING, Mopidy says playing, and neither moves."""
    music.play("kitchen")
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL)
        calm.ask("freeze", name="kitchen")
        console.wait_for(STUCK)
        console.until(lambda: trouble(console) == ("1 CRIT 0 warn", "9/9"))
        pointer, frames = hw_ptr(card(KITCHEN)), calm.report("kitchen")["frames"]
        held = foh.status().rows("pcm")["hw:kitchen,0"]
        player = music.servers["kitchen"].process.pid
        assert (held["state"], held["hw_ptr"], held["owner"]) == ("RUNNING", pointer, player)
        assert (hw_ptr(card(KITCHEN)), calm.report("kitchen")["frames"]) == (pointer, frames)


@pytest.mark.long
def test_a_stuck_board_is_plugged_in_again_without_hands(calm: Venue, music: Zones, foh: Foh) -> None:
    """Its card leaves and comes back; its player has to begin again. Nobody calls the board gone, or the mixer."""
    music.play("kitchen")
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL)
        calm.ask("freeze", name="kitchen")
        console.wait_for(STUCK)
        number = read(KITCHEN, "devnum")
        ran = foh("act", f"board/1-{KITCHEN}", "replug", "--yes")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        plan = re.sub(" +", " ", ran.stdout)
        for said in ("interrupts zone kitchen, which is playing", "configured is no longer 0", "done: plug it out"):
            assert said in plan, plan
        until(lambda: has_card(KITCHEN))
        assert (read(KITCHEN, "devnum"), read(KITCHEN, "power/control")) == (number, "auto")
        console.wait_for(OUTPUT_DEAD)
        assert {code for code in foh.opened() if not code.startswith(("PCM-", "ZONE-"))} == set()
        for action in ("stop", "play"):
            ran = foh("act", "zone/kitchen", action, "--yes")
            assert ran.returncode == 0, ran.stdout + ran.stderr
        console.until(lambda: trouble(console) == WELL)
        until(lambda: calm.hear("kitchen")["hertz"] == pytest.approx([hertz("kitchen")] * 2, abs=1))
    music.quiet()
    until(lambda: sleeps(KITCHEN))


@pytest.mark.long
def test_a_board_that_is_switched_off_in_the_kernel_is_named_and_brought_back(
    calm: Venue, music: Zones, foh: Foh
) -> None:
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL)
        write(KITCHEN, "authorized", "0")
        console.wait_for("is switched off in the kernel")
        ran = foh("act", f"board/1-{KITCHEN}", "replug", "--yes")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        until(lambda: has_card(KITCHEN))
        console.until(lambda: trouble(console) == WELL)


@pytest.mark.long
def test_a_player_that_comes_too_late_has_gaps_in_its_sound(calm: Venue, music: Zones, foh: Foh) -> None:
    """It gets a part of its time only, so that the kernel's buffer runs dry; its position moves on, and it says
    playing."""
    music.play("kitchen")
    player, ends = music.servers["kitchen"].process.pid, threading.Event()

    def starve() -> None:
        while not ends.wait(RUNS):
            os.kill(player, signal.SIGSTOP)
            elapse(STARVED)
            os.kill(player, signal.SIGCONT)

    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL)
        starving = threading.Thread(target=starve)
        starving.start()
        try:
            console.wait_for("its sound has gaps: the buffer of PCM kitchen runs dry again and again")
        finally:
            ends.set()
            starving.join()
        console.until(lambda: trouble(console) == WELL)
