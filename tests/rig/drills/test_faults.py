"""What goes wrong inside a board or beside it: what the kernel shows of it, and what foh says."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator

import pytest

from tests.patience import BOUND, until
from tests.rig.devices.venue import ROOMS
from tests.rig.drills.console import WELL, Foh, trouble
from tests.rig.drills.venue import Venue, card, device, node, read, settle

KITCHEN = ROOMS.index("kitchen") + 1
BROKEN = 14  # the port of what is broken
HELD = f"the amplifier at USB port 1-{KITCHEN} stays powered when idle: sleep ({{pid}}) has its USB node open"


@contextlib.contextmanager
def said_by_the_kernel(text: str) -> Iterator[None]:
    """Waits until the kernel's log says so, in answer to what is done meanwhile."""
    subprocess.run(["dmesg", "--clear"], check=True, timeout=BOUND)
    yield
    log = ["dmesg"]
    until(lambda: text in subprocess.run(log, capture_output=True, text=True, check=True, timeout=BOUND).stdout, text)


@pytest.mark.long
def test_a_program_that_opens_a_board_keeps_it_awake_until_it_ends(calm: Venue, foh: Foh) -> None:
    """Opening a node of usbfs resumes the device, and holds it (drivers/usb/core/devio.c)."""
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL)
        until(lambda: read(KITCHEN, "power/runtime_status") == "suspended")
        with subprocess.Popen(["sh", "-c", f"exec sleep infinity < {node(KITCHEN)}"]) as careless:
            try:
                until(lambda: read(KITCHEN, "power/runtime_status") == "active")
                console.wait_for(HELD.format(pid=careless.pid))
            finally:
                careless.kill()
        until(lambda: read(KITCHEN, "power/runtime_status") == "suspended")
        console.until(lambda: trouble(console) == WELL)


@pytest.mark.long
def test_a_board_that_hangs_asleep_is_lost_when_it_is_to_wake(calm: Venue, foh: Foh) -> None:
    """It refuses whatever it is asked: the kernel finds that out when somebody plays, and gives it up."""
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL)
        until(lambda: read(KITCHEN, "power/runtime_status") == "suspended")
        calm.ask("stall", name="kitchen")
        play = ["aplay", "-q", "-f", "dat", "-d", "1", "-D", f"hw:{card(KITCHEN)},0", "/dev/zero"]
        assert subprocess.run(play, capture_output=True, timeout=BOUND).returncode != 0
        console.wait_for(f"the board at USB port 1-{KITCHEN} is gone")
        assert not device(KITCHEN).exists()


@pytest.mark.long
def test_a_device_that_will_not_say_what_it_is_comes_to_nothing(calm: Venue, foh: Foh) -> None:
    """The kernel tries, and gives it up: there is nothing at that port, for anybody."""
    with said_by_the_kernel("unable to enumerate USB device"):
        calm.ask("plug", name="dead")
    assert not device(BROKEN).exists()
    report = foh.status()
    assert len(report.rows("board")) == 9
    assert report.incidents == []


@pytest.mark.long
def test_a_device_with_nonsense_for_descriptors_is_no_card(calm: Venue, foh: Foh) -> None:
    with said_by_the_kernel("invalid descriptor of length 0"):
        calm.plug("garbled")
    settle()
    report = foh.status()
    broken = report.rows("board")[f"1-{BROKEN}"]
    assert (broken["model"], broken["maker"]) == ("PCM2705C", "Burnt")  # what could be read of it is shown
    assert len(report.rows("pcm")) == 9


@pytest.mark.long
def test_no_port_counts_over_currents(calm: Venue, foh: Foh) -> None:
    """The emulated controller never reports one, so its ports' counts are there, and stay at nothing."""
    report = foh.status()
    assert {board["over_current"] for board in report.rows("board").values()} == {0}
