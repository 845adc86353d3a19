"""The whole console on a whole real venue, read from its screen on a pty.

What is expected on the screen was drawn at random and put into the real system after the console had started.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.beds import venue
from tests.integration.beds.venue import PORTS, SINKS, Venue
from tests.integration.beds.venue_screen import CLEAN, clock, incidents, moving, row, together, word
from tests.patience import BOUND, POLL, changed, elapse, soak, throughout
from tests.terminal import FOH, Terminal


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    with venue.bed(tmp_path_factory.mktemp("venue")) as started:
        started.tell("set_stream_live")
        yield started


@pytest.fixture(autouse=True)
def mended(real: Venue, request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test that fails has left broken is put right for the next one."""
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed:
        real.mend()


@pytest.fixture
def console(real: Venue) -> Iterator[Terminal]:
    """Open on the venue, which has been read whole and is well; what was last told to play has begun to sound."""
    with Terminal(FOH, env=real.env) as terminal:
        terminal.wait_for("sources 16/16")
        terminal.wait_for(CLEAN)
        terminal.until(lambda: all(" playing " in row(terminal, name) for name in PORTS))
        terminal.until(lambda: all(clock(terminal, name) not in ("", "0:00") for name in PORTS))
        yield terminal
        assert terminal.process.poll() is None, "the console has ended by itself"


def test_nine_zones_are_on_the_screen_with_what_was_set_a_moment_ago(real: Venue) -> None:
    volumes = dict(zip(PORTS, random.sample(range(10, 99), len(PORTS)), strict=True))
    with Terminal(FOH, env=real.env) as terminal:
        with ThreadPoolExecutor() as pool:
            for name, volume in volumes.items():
                pool.submit(real.zones[name].rpc, "core.mixer.set_volume", volume=volume)
        terminal.until(lambda: all(f"{volumes[name]}%" in row(terminal, name) for name in volumes))
        terminal.until(lambda: all(f" {port} " in row(terminal, f"amp-{name}") for name, port in PORTS.items()))
        terminal.until(lambda: all("RUNNING" in row(terminal, name) for name in PORTS))


@pytest.mark.parametrize("what", ["track", "volume", "state"])
def test_what_is_changed_elsewhere_is_on_the_screen(real: Venue, console: Terminal, what: str) -> None:
    zone = "terrace"
    server, volumes = real.zones[zone], random.sample(range(10, 99), 5)
    titles = [word() for _ in range(5)]
    server.rpc("core.tracklist.add", uris=[real.track(zone, title).as_uri() for title in titles])
    for title, volume, verb in zip(titles, volumes, ("pause", "resume") * 3, strict=False):
        if what == "track":
            server.rpc("core.playback.next")
            shown = title
        elif what == "volume":
            server.rpc("core.mixer.set_volume", volume=volume)
            shown = f" {volume}% "
        else:
            server.rpc(f"core.playback.{verb}")
            shown = {"pause": "paused", "resume": "playing"}[verb]
        console.until(lambda shown=shown: shown in row(console, zone))
    server.rpc("core.playback.resume")


def test_a_killed_zone_and_a_hung_one_are_incidents_and_the_others_never_stall(real: Venue, console: Terminal) -> None:
    killed, hung = "bar", "gallery"
    others = [name for name in PORTS if name not in (killed, hung)]
    with moving(console, others):
        real.zones[killed].signal(signal.SIGKILL)
        console.until(lambda: any(killed in line for line in incidents(console)))
        real.zones[hung].signal(signal.SIGSTOP)
        console.until(lambda: any(hung in line for line in incidents(console)))
        assert len(incidents(console)) == 2
        assert "?" in row(console, killed)
        assert "?" in row(console, hung)
        title = word()
        real.play("office", title)
        console.until(lambda: title in row(console, "office"))
    real.zones[hung].signal(signal.SIGCONT)
    console.until(lambda: not any(hung in line for line in incidents(console)))
    title = word()
    real.restart(killed, title)
    console.until(lambda: title in row(console, killed))
    console.wait_for(CLEAN)


def test_healthy_zones_are_left_in_peace_and_a_silent_one_is_named(real: Venue, console: Terminal) -> None:
    """A soak: people use nine zones as people do, and no rule may speak; then one falls silent while it plays."""
    tracks = {name: real.track(name, word()).as_uri() for name in PORTS}
    for name, zone in real.zones.items():
        zone.rpc("core.tracklist.add", uris=[tracks[name]] * 40)
    uses: tuple[tuple[str, dict[str, object]], ...] = (
        ("core.playback.pause", {}), ("core.playback.resume", {}), ("core.playback.next", {}),
        ("core.playback.stop", {}), ("core.playback.play", {}), ("core.playback.seek", {"time_position": 30000}),
        ("core.mixer.set_volume", {"volume": 33}), ("core.mixer.set_volume", {"volume": 66}),
    )  # fmt: skip
    states = dict.fromkeys(PORTS, "playing")
    becomes = {
        ("playing", "pause"): "paused", ("playing", "stop"): "stopped", ("paused", "stop"): "stopped",
        ("paused", "resume"): "playing", ("paused", "play"): "playing", ("stopped", "play"): "playing",
    }  # fmt: skip
    for _ in soak():
        (method, params), name = random.choice(uses), random.choice(list(PORTS))
        real.zones[name].rpc(method, **params)
        states[name] = becomes.get((states[name], method.rpartition(".")[2]), states[name])
        real.sound_card(name, states[name])
        for _ in range(random.randrange(1, 12)):
            assert CLEAN in console.text, incidents(console)
            elapse(POLL)
    for name in PORTS:
        real.play(name)
    console.until(lambda: all(" playing " in row(console, name) for name in PORTS))
    silent = random.choice(list(PORTS))
    real.sound.pactl("suspend-sink", SINKS[silent], "1")
    console.until(lambda: any(silent in line and "stands still" in line for line in incidents(console)))
    assert len(incidents(console)) == 1, incidents(console)
    real.sound.pactl("suspend-sink", SINKS[silent], "0")
    real.play(silent)
    console.wait_for(CLEAN)
    console.until(lambda: clock(console, silent) not in ("", "0:00"))


def test_all_zones_are_acted_on_together_and_the_one_that_does_not_follow_is_named(
    real: Venue, console: Terminal
) -> None:
    console.press("1")
    console.press("*")
    console.wait_for("9 marked")
    together(console, "pause")
    console.press("enter")
    console.wait_for("pause: 9 of 9 done; confirmed within ")
    assert re.search(r"confirmed within \S+ s of each other", console.text)
    assert {zone.rpc("core.playback.get_state") for zone in real.zones.values()} == {"paused"}
    together(console, "play")
    deaf = random.choice(list(PORTS))
    real.zones[deaf].signal(signal.SIGSTOP)  # after its plan was shown
    console.press("enter")
    console.wait_for("play: 8 of 9 done; confirmed within ")
    console.wait_for(f"did not follow: {deaf}")
    others = [zone for name, zone in real.zones.items() if name != deaf]
    assert {zone.rpc("core.playback.get_state") for zone in others} == {"playing"}
    real.zones[deaf].signal(signal.SIGCONT)
    console.press("escape")
    real.play(deaf)
    console.until(lambda: all(" playing " in row(console, name) for name in PORTS))
    console.wait_for(CLEAN)


def test_an_unplugged_board_is_one_incident_that_names_the_port(real: Venue, console: Terminal) -> None:
    zone, port = "kitchen", PORTS["kitchen"]
    with moving(console, [name for name in PORTS if name != zone]):
        real.lose_board(zone)
        console.until(lambda: any(port in line for line in incidents(console)))

        def alone() -> bool:
            return [line.split()[0] for line in incidents(console)] == ["C"]

        def joined() -> bool:
            """What the zone suffers has joined its cause."""
            return " +" in incidents(console)[0]

        console.until(throughout(alone, joined, "one incident"))
        console.until(throughout(alone, changed(lambda: clock(console, "bar"), 8), "one incident, for 8 s of a track"))
    (line,) = incidents(console)
    assert port in line
    assert zone in line
    assert "1 CRIT  0 warn" in console.text
    title = word()
    real.return_board(zone, title)
    console.until(lambda: title in row(console, zone))
    console.wait_for(CLEAN)
    console.until(lambda: "RUNNING" in row(console, zone))


def test_mute_by_a_key_is_heard_and_an_outsiders_mute_is_seen(real: Venue, console: Terminal) -> None:
    zone = random.choice(list(PORTS))
    control = f"{SINKS[zone]}/Master"
    for keys in (["1"], ["down"] * sorted(PORTS).index(zone), ["m"]):
        console.press(*keys)
        console.settled()
    console.wait_for(f"{SINKS[zone]} Master: mute")
    console.press("enter")
    console.until(lambda: real.sound.heard(control)[1])
    console.until(lambda: " yes " in row(console, zone)[:90])
    console.wait_for("done: ")
    assert [real.sound.heard(f"{sink}/Master")[1] for sink in SINKS.values()].count(True) == 1
    real.sound.mute(control, False)
    console.until(lambda: " no " in row(console, zone)[:90])
    other = random.choice([name for name in PORTS if name != zone])
    real.sound.mute(f"{SINKS[other]}/Master", True)
    console.until(lambda: " yes " in row(console, other)[:90])
    real.sound.mute(f"{SINKS[other]}/Master", False)


def test_what_is_cut_and_blanked_elsewhere_is_seen(real: Venue, console: Terminal) -> None:
    for source in random.sample(["cam1", "cam2", "grabber"], 3):
        real.tell(f"set_video_a {source}")
        console.until(lambda s=source: f" {s} " in row(console, "stage"))
    blank = random.choice(["pause", "nostream"])
    real.tell(f"set_stream_blank {blank}")
    console.until(lambda: f"blank {blank}" in row(console, "stage"))
    console.until(lambda: any("stage" in line for line in incidents(console)))
    real.tell("set_stream_live")
    console.wait_for(CLEAN)


def test_a_container_stopped_elsewhere_is_an_incident_that_a_key_mends(real: Venue, console: Terminal) -> None:
    real.lxd.lxc("stop", "web1", "--force")
    console.until(lambda: any("web1" in line for line in incidents(console)))
    assert "Stopped" in row(console, "web1")
    console.press("i")
    console.settled()

    def offered() -> bool:  # not before LXD's own operation has ended
        console.press("f")
        console.settled()
        return "Cancel" in console.text

    console.until(offered)
    console.press("enter")
    console.until(lambda: "RUNNING" in real.lxd.lxc("list", "web1"))
    console.until(lambda: "Running" in row(console, "web1"))
    console.wait_for(CLEAN)


def test_every_source_may_be_lost_and_come_back_while_it_is_open(real: Venue, console: Terminal) -> None:
    for left, name in enumerate(PORTS):
        real.lose_board(name)
        console.wait_for(f"boards {8 - left}/9")  # umockdev keeps no more than a few events
    for zone in real.zones.values():
        zone.stop()
    real.sound.stop()
    real.core.kill()
    real.lxd.kill()
    console.until(lambda: re.search(r"sources [0-4]/16", console.text))
    console.until(lambda: all("?" in row(console, name) for name in PORTS))
    assert "boards 0/9" in console.text
    real.sound.start()
    real.core.start()
    real.lxd.start()
    for zone in real.zones.values():
        zone.start(wait=False)
    titles = {name: word() for name in PORTS}
    for name, zone in real.zones.items():
        zone.wait()
        real.return_board(name, titles[name])
    real.tell("set_video_a grabber", "set_stream_live")
    console.until(lambda: all(titles[name] in row(console, name) for name in PORTS))
    console.until(lambda: " grabber " in row(console, "stage"))
    console.until(lambda: "Running" in row(console, "web1"))
    console.wait_for("sources 16/16")
    console.wait_for(CLEAN)


def test_status_says_what_is_so_now(real: Venue) -> None:
    argv = [*FOH, "status", "--json"]
    title, level = word(), random.randrange(10, 90)
    with subprocess.Popen(argv, env={**os.environ, **real.env}, stdout=subprocess.PIPE) as process:
        real.play("garden", title)
        real.sound.level(f"{SINKS['garden']}/Master", level)
        answer, _ = process.communicate(timeout=BOUND)
    said = json.loads(answer)
    assert process.returncode == 0, said["incidents"]
    zones = {zone["name"]: zone for zone in said["resources"]["zone"]}
    assert sorted(zones) == sorted(PORTS)
    assert zones["garden"]["title"] == title
    controls = {control["device"]: control["level"] for control in said["resources"]["control"]}
    assert controls["zone8"] == real.sound.heard("zone8/Master")[0]
