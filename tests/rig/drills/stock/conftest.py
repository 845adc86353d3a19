"""The venue outside the guest: QEMU has it behind hubs on its USB ports, and its commands go through a virtio port."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import BOUND, until
from tests.rig.devices.hubs import ROOM_PORTS
from tests.rig.drills.venue import RULES, Venue, write

LINE, TURN = Path("/dev/virtio-ports/rig.venue"), Path("/run/rig/go")
# QEMU's hub tells of a change at a port once, to whoever listens then. The kernel that puts a hub to sleep stops
# listening first, and asks to be woken after (usb_hub_attach and usb_hub_wakeup in QEMU's hw/usb/dev-hub.c): what is
# plugged in or pulled in between is not noticed until something else wakes the hub.
HUBS_AWAKE = 'SUBSYSTEM=="usb", ATTR{bDeviceClass}=="09", ATTR{power/control}="on"\n'


def pytest_collection_finish() -> None:
    """The guest was started early: with everything plugged in, it waits for its turn. Its hubs do not sleep, unless a
    drill lets them."""
    (RULES / "70-hubs.rules").write_text(HUBS_AWAKE)
    subprocess.run(["udevadm", "control", "--reload"], check=True, timeout=BOUND)
    with outside() as venue:
        venue.go_home()
    until(TURN.exists, "its turn")


@contextlib.contextmanager
def outside() -> Iterator[Venue]:
    line = os.open(LINE, os.O_RDWR)
    try:
        yield Venue(line, ROOM_PORTS)
    finally:
        os.close(line)


@pytest.fixture(scope="session")
def emulator() -> Iterator[Venue]:
    with outside() as venue:
        yield venue


@pytest.fixture
def calm(venue: Venue) -> Venue:
    """Nine boards that may sleep, and whose keys nobody holds: there is nothing to complain of."""
    for port in venue.homes.values():
        write(port, "power/control", "auto")
        write(port, f"1-{port}:1.2/authorized", "0")
    return venue
