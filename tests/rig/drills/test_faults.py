"""What goes wrong inside a board or beside it: what the kernel shows of it, and what foh says."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from tests.rig.devices.venue import ROOMS
from tests.rig.drills.console import WELL, Foh, trouble
from tests.rig.drills.recordings import RATE
from tests.rig.drills.venue import Venue, card, device, hw_ptr, node, playing, read, settle, state, until

KITCHEN = ROOMS.index("kitchen") + 1
BROKEN = 14  # the port of what is broken
STAYS_AWAKE = f"the amplifier at USB port 1-{KITCHEN} may sleep and is not used, and stays awake"


def test_a_stream_that_stands_still_runs_by_its_state_alone(calm: Venue, foh: Foh, tmp_path: Path) -> None:
    """RUNNING, owned, awake, and no frame further."""
    number = card(KITCHEN)
    with playing(number, 440, tmp_path) as player:
        until(lambda: hw_ptr(number) > RATE / 2, 10)
        calm.ask("freeze", name="kitchen")
        time.sleep(0.5)  # what was on its way has arrived
        frames, pointer = calm.report("kitchen")["frames"], hw_ptr(number)
        report = foh.status()
        (row,) = (p for p in report.rows("pcm").values() if report.linked(p, "board", "board") == f"1-{KITCHEN}")
        assert (row["state"], row["owner"], row["hw_ptr"]) == ("RUNNING", player.pid, pointer)
        assert (state(number), hw_ptr(number)) == ("RUNNING", pointer)
        assert calm.report("kitchen")["frames"] == frames
        assert report.rows("board")[f"1-{KITCHEN}"]["power"] == "active"
        assert report.incidents == []  # no rule says so yet


def test_a_program_that_opens_a_board_keeps_it_awake_until_it_ends(calm: Venue, foh: Foh) -> None:
    """Opening a node of usbfs resumes the device, and holds it (drivers/usb/core/devio.c)."""
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL, 40)
        until(lambda: read(KITCHEN, "power/runtime_status") == "suspended", 20)
        handle = os.open(node(KITCHEN), os.O_RDONLY)
        assert read(KITCHEN, "power/runtime_status") == "active"
        console.wait_for(STAYS_AWAKE, 20)
        os.close(handle)
        until(lambda: read(KITCHEN, "power/runtime_status") == "suspended", 10)
        console.until(lambda: trouble(console) == WELL, 10)


def test_a_board_that_hangs_asleep_is_lost_when_it_is_to_wake(calm: Venue, foh: Foh) -> None:
    """It refuses whatever it is asked: the kernel finds that out when somebody plays, and gives it up."""
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL, 40)
        until(lambda: read(KITCHEN, "power/runtime_status") == "suspended", 20)
        calm.ask("stall", name="kitchen")
        play = ["aplay", "-q", "-f", "dat", "-d", "1", "-D", f"hw:{card(KITCHEN)},0", "/dev/zero"]
        assert subprocess.run(play, capture_output=True, timeout=30).returncode != 0
        console.wait_for(f"the board left USB port 1-{KITCHEN}", 20)
        assert not device(KITCHEN).exists()


def test_a_device_that_will_not_say_what_it_is_comes_to_nothing(calm: Venue, foh: Foh) -> None:
    """The kernel tries, and gives it up: there is nothing at that port, for anybody."""
    calm.ask("plug", name="dead")
    until(lambda: "unable to enumerate USB device" in kernel_log(), 30)
    assert not device(BROKEN).exists()
    report = foh.status()
    assert len(report.rows("board")) == 9
    assert report.incidents == []


def test_a_device_with_nonsense_for_descriptors_is_no_card(calm: Venue, foh: Foh) -> None:
    calm.plug("garbled")
    settle()
    assert "invalid descriptor of length 0" in kernel_log()
    report = foh.status()
    print(report.rows("board").get(f"1-{BROKEN}"))
    assert len(report.rows("pcm")) == 9


def kernel_log() -> str:
    return subprocess.run(["dmesg"], capture_output=True, text=True, check=True, timeout=30).stdout


def test_no_port_counts_over_currents(calm: Venue, foh: Foh) -> None:
    """The emulated controller never reports one, so its ports' counts are there, and stay at nothing."""
    report = foh.status()
    assert {board["over_current"] for board in report.rows("board").values()} == {0}
