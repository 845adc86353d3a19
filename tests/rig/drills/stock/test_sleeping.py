"""Who keeps an amplifier awake: the stock kernel's keyboard handler opens every device with keys, and usbhid then wants
a remote wakeup that the board does not have. Only this kernel shows it: the fast tier's has no keyboard handler."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.patience import HEARD, IDLE, UDEV_LOOKS, elapse, until
from tests.rig.devices.amplifier import KEY_IN
from tests.rig.devices.hubs import HUBS, ROOM_PORTS
from tests.rig.devices.venue import ROOMS
from tests.rig.drills.console import WELL, Foh, trouble
from tests.rig.drills.venue import Venue, awake, card, playing, read, settle, sleeps, write

KITCHEN = ROOM_PORTS["kitchen"]
BOARD = f"board/1-{KITCHEN}"
DEBUG = Path("/proc/dynamic_debug/control")
REFUSAL = f"usb 1-{KITCHEN}: remote wakeup needed for autosuspend"
HELD = "usbhid holds its HID interface"
# Seconds: to wait for what is about to happen; of watching that a board, or any of them, may not notice.


@pytest.fixture
def held(calm: Venue) -> Venue:
    """One board that may sleep by its policy, and whose keys the kernel itself holds."""
    calm.fresh("kitchen")
    DEBUG.write_text("func autosuspend_check +p")
    write(KITCHEN, "power/control", "auto")
    until(lambda: REFUSAL in kernel_log())
    return calm


def kernel_log() -> str:
    return subprocess.run(["dmesg"], check=True, capture_output=True, text=True).stdout


def asleep(port: str) -> int:
    """For how many milliseconds the device has been asleep: the kernel's own record."""
    return int(read(port, "power/runtime_suspended_time"))


def sees_it_asleep(venue: Venue, foh: Foh) -> None:
    """The kernel does, the board does, and the console says so."""
    assert sleeps(KITCHEN)
    before, transfers = asleep(KITCHEN), venue.report("kitchen")["transfers"]
    report = foh.status()
    board = report.rows("board")[f"1-{KITCHEN}"]
    said = tuple(board[field] for field in ("power", "policy", "hid", "rule"))
    assert said == ("suspended", "auto", "released", "present")
    assert report.incidents == []
    assert asleep(KITCHEN) > before
    after = venue.report("kitchen")
    assert (after["transfers"], after["awaited"]) == (transfers, [])


def test_the_action_lets_go_of_a_boards_keys_and_that_holds_when_it_is_plugged_in_again(held: Venue, foh: Foh) -> None:
    """The policy alone leaves the board awake. The udev rule lets go of the keys after the kernel has opened them."""
    with foh.console() as console:
        console.wait_for(HELD)
        console.until(lambda: trouble(console) == ("0 CRIT 1 warn", "8/9"))  # nothing else comes first
        assert (read(KITCHEN, "power/control"), read(KITCHEN, "power/runtime_status")) == ("auto", "active")
        assert (asleep(KITCHEN), held.report("kitchen")["awaited"]) == (0, [KEY_IN])
        console.press("f")
        console.wait_for("power is suspended within")  # the plan
        console.press("enter")
        console.wait_for("done: let the amplifier sleep")
        assert sleeps(KITCHEN)
        console.until(lambda: trouble(console) == WELL)
        elapse(UDEV_LOOKS)
        before = int(read(KITCHEN, "devnum"))
        held.fresh("kitchen")
        assert int(read(KITCHEN, "devnum")) > before
        until(lambda: sleeps(KITCHEN))
        console.until(lambda: trouble(console) == WELL)
        before, transfers = asleep(KITCHEN), held.report("kitchen")["transfers"]
        elapse(HEARD)
        assert asleep(KITCHEN) >= before + 1000 * HEARD
        assert (held.report("kitchen")["transfers"], held.report("kitchen")["awaited"]) == (transfers, [])


@pytest.mark.long
def test_a_program_is_told_who_keeps_the_board_awake(held: Venue, foh: Foh) -> None:
    report = foh.status()
    assert report.incidents == [("USB-AUTOSUSPEND-BLOCKED", f"rig/{BOARD}")]
    assert report.rows("board")[f"1-{KITCHEN}"]["hid"] == "bound to usbhid"


@pytest.mark.long
def test_the_action_does_both_for_a_board_as_it_comes(calm: Venue, foh: Foh) -> None:
    calm.fresh("kitchen")
    assert foh.status().incidents == [("USB-AUTOSUSPEND-OFF", f"rig/{BOARD}")]
    ran = foh("act", BOARD, "let-sleep", "--yes")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "power/control=auto" in ran.stdout
    assert "release the HID interface" in ran.stdout
    sees_it_asleep(calm, foh)


@pytest.mark.long
def test_a_sleeping_board_wakes_to_play_and_sleeps_again(calm: Venue, tmp_path: Path) -> None:
    until(lambda: sleeps(KITCHEN))
    with playing(card(KITCHEN), 440, tmp_path):
        assert read(KITCHEN, "power/runtime_status") == "active"
        until(lambda: calm.hear("kitchen")["hertz"] == pytest.approx([440, 440], abs=1))
    until(lambda: sleeps(KITCHEN))


@contextlib.contextmanager
def sleepy(hubs: Iterable[str]) -> Iterator[None]:
    for hub in hubs:
        write(hub, "power/control", "auto")
    try:
        yield
    finally:
        for hub in hubs:
            write(hub, "power/control", "on")


@pytest.mark.long
def test_idle_boards_and_their_hubs_sleep_while_they_are_watched(calm: Venue, foh: Foh) -> None:
    settle()
    ports = [*calm.homes.values(), *HUBS.values()]
    with sleepy(HUBS.values()), foh.console() as console:
        console.wait_for("1-1.4.3")
        until(lambda: all(map(sleeps, ports)))
        before, reports = [awake(port) for port in ports], calm.reports()
        elapse(IDLE)
        after = calm.reports()
        assert [awake(port) for port in ports] == before
        assert [after[room]["transfers"] for room in ROOMS] == [reports[room]["transfers"] for room in ROOMS]
        assert console.process.poll() is None
