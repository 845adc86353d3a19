"""A board that leaves, comes back, or comes back elsewhere: on the console's own screen, and for programs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.patience import HEARD, elapse, until
from tests.rig.devices.venue import ROOMS, SPARE
from tests.rig.drills.console import WELL, Foh, trouble
from tests.rig.drills.venue import Venue, card, cards, device, has_card, playing, read, stopped, write
from tests.terminal import Terminal

KITCHEN = ROOMS.index("kitchen") + 1
BOARD = f"rig/board/1-{KITCHEN}"
LEFT = f"the board at USB port 1-{KITCHEN} is gone"
# Seconds. A contact is too short to be looked into, or long enough for that: where one ends while a driver probes, the
# kernel waits 5 s for its answer, and then finds a port that was never disabled (vhci_hcd.c, rh_port_disconnect): to
# the kernel the device that has come since is the one that it knows, without the driver that has given up.
BOUNCES = (0.05, 0.02, 2.0, 0.1, 0.05, 2.0, 0.1, 0.02)
CYCLES, LONG_CYCLES = 6, 50  # times that the board is pulled and must be told


def test_leaving_and_coming_back_are_told(calm: Venue, console: Terminal, long: bool) -> None:
    """The first here: a console that has seen a board in the spare port misses it there from then on."""
    for _ in range(LONG_CYCLES if long else CYCLES):
        calm.ask("unplug", name="kitchen")
        console.wait_for(LEFT)
        until(lambda: not device(KITCHEN).exists())
        calm.ask("plug", name="kitchen")
        console.wait_gone(LEFT)
        until(lambda: has_card(KITCHEN))


@pytest.mark.long
def test_a_board_pulled_while_it_plays_is_one_incident_until_it_is_back(calm: Venue, foh: Foh, tmp_path: Path) -> None:
    assert foh("init", "--yes").returncode == 0
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL)
        with playing(card(KITCHEN), 440, tmp_path) as player:
            console.until(lambda: re.search(rf"1-{KITCHEN} +active", console.text))
            assert calm.hear("kitchen")["hertz"] == pytest.approx([440, 440], abs=1)
            calm.ask("unplug", name="kitchen")
            console.wait_for(LEFT)
            until(lambda: player.poll() is not None, "the player has noticed")
        assert trouble(console) == ("0 CRIT 1 warn", "8/9")
        report = foh.status()  # which begins now, and knows from the inventory that a board is missing
        assert [root for _, root in report.incidents] == [BOARD]
        assert sorted(report.rows("board")) == [f"1-{n}" for n in range(1, 10) if n != KITCHEN]
        calm.plug("kitchen")
        write(KITCHEN, "power/control", "auto")
        console.until(lambda: trouble(console) == WELL)
        assert LEFT not in console.text
    assert foh.status().incidents == []


@pytest.mark.long
def test_a_board_is_missed_at_its_port_while_it_is_in_another(calm: Venue, foh: Foh, tmp_path: Path) -> None:
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL)
        calm.unplug("kitchen")
        calm.plug("kitchen", SPARE)
        until(lambda: has_card(SPARE))
        write(SPARE, "power/control", "auto")
        console.wait_for(f"1-{SPARE} ")
        console.wait_for(LEFT)
        report = foh.status()
        joined = {report.linked(pcm, "board", "board"): int(pcm["card"]) for pcm in report.rows("pcm").values()}
        with playing(joined[f"1-{SPARE}"], 440, tmp_path):
            elapse(HEARD)
            assert calm.hear("kitchen")["hertz"] == pytest.approx([440, 440], abs=1)
        calm.unplug("kitchen")
        calm.plug("kitchen")
        write(KITCHEN, "power/control", "auto")
        console.wait_gone(LEFT)
        console.wait_for(f"the board at USB port 1-{SPARE} is gone")  # where it was to stay, for all that is known
        console.press("a")
        console.wait_for("forget it")
        console.press("enter")
        console.until(lambda: trouble(console) == WELL)


@pytest.mark.long
def test_a_bad_cable_leaves_nothing_behind_once_it_holds(calm: Venue, foh: Foh, tmp_path: Path) -> None:
    """However much of it the kernel has seen: some contacts are too short for it to find out what was there."""
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL)
        before = int(read(KITCHEN, "devnum"))
        calm.ask("storm", name="kitchen", pauses=BOUNCES)
        until(lambda: calm.report("kitchen")["configured"] and has_card(KITCHEN))
        write(KITCHEN, "power/control", "auto")
        assert int(read(KITCHEN, "devnum")) > before
        assert len(cards()) == 9
        console.until(lambda: trouble(console) == WELL)
    report = foh.status()
    assert (report.incidents, len(report.rows("board")), len(report.rows("pcm"))) == ([], 9, 9)
    with playing(card(KITCHEN), 440, tmp_path):
        until(lambda: calm.hear("kitchen")["hertz"] == pytest.approx([440, 440], abs=1))


@pytest.mark.long
def test_a_board_is_missed_though_udev_stands_still(calm: Venue, foh: Foh) -> None:
    """As where one of its rules runs a program that hangs."""
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL)
        with stopped("systemd-udevd"):
            calm.ask("unplug", name="kitchen")
            console.wait_for(LEFT)
        calm.plug("kitchen")
        console.wait_gone(LEFT)
