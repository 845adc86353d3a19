"""The venue outside the guest: QEMU has it behind hubs on its USB ports, and its commands go through a virtio port."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig.devices.hubs import ROOM_PORTS
from tests.rig.drills.venue import Venue, write

LINE = Path("/dev/virtio-ports/rig.venue")


@pytest.fixture(scope="session")
def emulator() -> Iterator[Venue]:
    line = os.open(LINE, os.O_RDWR)
    yield Venue(line, ROOM_PORTS)
    os.close(line)


@pytest.fixture
def calm(venue: Venue) -> Venue:
    """Nine boards that may sleep, and whose keys nobody holds: there is nothing to complain of."""
    for port in venue.homes.values():
        write(port, "power/control", "auto")
        write(port, f"1-{port}:1.2/authorized", "0")
    return venue
