"""Amplifiers sleep when nothing plays: by the kernel's own runtime power management, on its own record."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import HEARD, IDLE, LONG_IDLE, UDEV_LOOKS, elapse, until
from tests.rig.devices.venue import ROOMS
from tests.rig.drills.console import Foh
from tests.rig.drills.venue import (
    RULES,
    Venue,
    awake,
    card,
    device,
    has_card,
    node,
    playing,
    read,
    settle,
    sleeps,
    write,
)
from tests.terminal import Terminal

KITCHEN = ROOMS.index("kitchen") + 1
PORTS = range(1, len(ROOMS) + 1)


@pytest.mark.long
def test_a_board_that_may_not_sleep_is_named_and_the_action_lets_it(calm: Venue, foh: Foh) -> None:
    calm.fresh("kitchen")
    assert read(KITCHEN, "power/control") == "on"  # the kernel's default
    assert foh.status().incidents == [("USB-AUTOSUSPEND-OFF", f"rig/board/1-{KITCHEN}")]
    elapse(IDLE)
    assert not sleeps(KITCHEN)
    ran = foh("act", f"board/1-{KITCHEN}", "let-sleep", "--yes")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (read(KITCHEN, "power/control"), sleeps(KITCHEN)) == ("auto", True)
    report = foh.status()
    assert report.incidents == []
    assert report.rows("board")[f"1-{KITCHEN}"]["power"] == "suspended"


@pytest.mark.long
def test_a_sleeping_board_wakes_to_play_and_sleeps_again(calm: Venue, tmp_path: Path) -> None:
    until(lambda: sleeps(KITCHEN))
    with playing(card(KITCHEN), 440, tmp_path):
        assert read(KITCHEN, "power/runtime_status") == "active"
        elapse(HEARD)
        assert calm.hear("kitchen")["hertz"] == pytest.approx([440, 440], abs=1)
    until(lambda: sleeps(KITCHEN))


@contextlib.contextmanager
def keys_held(port: int) -> Iterator[None]:
    """Somebody reads the board's own keys, as a desktop does, or the keyboard handler of a kernel with a console."""
    (keys,) = (device(port) / f"1-{port}:1.2").glob("*/input/input*/event*")
    handle = os.open(f"/dev/input/{keys.name}", os.O_RDONLY)
    try:
        yield
    finally:
        os.close(handle)


@pytest.mark.long
def test_keys_that_are_held_keep_a_board_awake_until_the_action_lets_go_of_them(calm: Venue, foh: Foh) -> None:
    """usbhid asks for remote wakeup, which the board does not have: `auto` alone changes nothing."""
    calm.fresh("kitchen")
    with keys_held(KITCHEN):
        write(KITCHEN, "power/control", "auto")
        with foh.console() as console:
            console.wait_for("usbhid holds its HID interface")
            assert not sleeps(KITCHEN)
        ran = foh("act", f"board/1-{KITCHEN}", "let-sleep", "--yes")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert sleeps(KITCHEN)
    assert foh.status().rows("board")[f"1-{KITCHEN}"]["hid"] == "released"


@pytest.mark.long
def test_what_lets_a_board_sleep_holds_when_it_is_plugged_in_again_until_it_is_undone(calm: Venue, foh: Foh) -> None:
    """The kernel forgets what was written to its files; udev does not forget its rule."""
    calm.fresh("kitchen")
    ran = foh("act", f"board/1-{KITCHEN}", "let-sleep", "--yes")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    elapse(UDEV_LOOKS)
    calm.fresh("kitchen")
    assert (read(KITCHEN, "power/control"), read(KITCHEN, f"1-{KITCHEN}:1.2/authorized")) == ("auto", "0")
    until(lambda: sleeps(KITCHEN))
    assert foh.status().incidents == []
    ran = foh("act", f"board/1-{KITCHEN}", "keep-awake", "--yes")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert read(KITCHEN, f"1-{KITCHEN}:1.2/authorized") == "1"
    assert list(RULES.glob("*-foh-*")) == []
    with keys_held(KITCHEN):  # the driver is bound again
        elapse(UDEV_LOOKS)
    calm.fresh("kitchen")
    assert read(KITCHEN, "power/control") == "on"


@pytest.mark.long
def test_plugged_in_again_without_hands_a_board_keeps_its_policy_and_its_keys_are_released_by_the_rule_only(
    calm: Venue, foh: Foh
) -> None:
    """The kernel makes new interfaces for the same device; udev's rule is for both."""
    calm.fresh("kitchen")
    keys, board = f"1-{KITCHEN}:1.2", f"board/1-{KITCHEN}"
    for file, value in (("power/control", "auto"), ("power/autosuspend_delay_ms", "700"), (f"{keys}/authorized", "0")):
        write(KITCHEN, file, value)
    number = read(KITCHEN, "devnum")
    assert "its HID interface, released now, is bound again" in foh("act", board, "replug").stdout
    ran = foh("act", board, "replug", "--yes")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    kept = read(KITCHEN, "power/control"), read(KITCHEN, "power/autosuspend_delay_ms"), read(KITCHEN, "devnum")
    assert kept == ("auto", "700", number)
    assert read(KITCHEN, f"{keys}/authorized") == "1"
    with keys_held(KITCHEN):
        ran = foh("act", board, "let-sleep", "--yes")
        assert ran.returncode == 0, ran.stdout + ran.stderr
    elapse(UDEV_LOOKS)
    assert "HID interface" not in foh("act", board, "replug").stdout
    ran = foh("act", board, "replug", "--yes")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    settle()
    assert (read(KITCHEN, "power/control"), read(KITCHEN, f"{keys}/authorized")) == ("auto", "0")
    until(lambda: sleeps(KITCHEN))
    assert foh.status().incidents == []


@pytest.mark.long
def test_a_board_that_somebody_left_unauthorized_says_so_and_is_mended(calm: Venue, foh: Foh) -> None:
    write(KITCHEN, "authorized", "0")
    until(lambda: not has_card(KITCHEN))
    power = foh.status().rows("board")[f"1-{KITCHEN}"]["power"]
    assert (power["why"], power["detail"].split(":")[0]) == ("denied", "authorized is 0")
    ran = foh("act", f"board/1-{KITCHEN}", "replug", "--yes")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    until(lambda: has_card(KITCHEN))


def transfers_of(venue: Venue) -> list[int]:
    """What each board has been asked for: the emulator's own record."""
    reports = venue.reports()
    return [reports[room]["transfers"] for room in ROOMS]


def test_nine_idle_boards_sleep_while_they_are_watched(calm: Venue, console: Terminal, long: bool) -> None:
    settle()
    until(lambda: all(map(sleeps, PORTS)))
    before, transfers = [awake(port) for port in PORTS], transfers_of(calm)
    elapse(LONG_IDLE if long else IDLE)
    assert [awake(port) for port in PORTS] == before
    assert transfers_of(calm) == transfers
    os.close(os.open(node(KITCHEN), os.O_RDONLY))  # what a careless program does: this drill would notice it
    assert awake(KITCHEN) > before[KITCHEN - 1]
    assert console.process.poll() is None
