"""A capture board on the stock kernel: at high speed, which needs a port of the machine's own."""

from __future__ import annotations

import os
import tty
from pathlib import Path

import pytest

from tests.patience import until
from tests.rig.devices.hubs import OWN
from tests.rig.drills.console import Foh
from tests.rig.drills.venue import Venue, settle

CONSOLE = Path("/dev/ttyACM0")


@pytest.mark.long
def test_a_capture_board_is_shown_with_its_console_which_answers(calm: Venue, foh: Foh) -> None:
    calm.plug("opsis")
    until(CONSOLE.exists)
    settle()
    (board,) = foh.status().rows("capture").values()
    assert (board["port"], board["speed"], board["console"]) == (f"1-{OWN}", 480, str(CONSOLE))
    console = os.open(CONSOLE, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(console)  # or it would send the board's own words back to it
    os.write(console, b"status\r")
    said = b""
    while b"encoder: 1280x720" not in said:
        said += os.read(console, 4096)
    os.close(console)
    assert calm.report("opsis")["commands"] == ["status"]
