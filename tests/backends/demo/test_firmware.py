"""The embedded firmware's console, in its three generations."""

from __future__ import annotations

import pytest

from backends.capture import firmware
from backends.demo.firmware import FIRST, HANGS, LONGEST, SECOND, SIGNALS, THIRD, Firmware


@pytest.mark.parametrize(
    ("generation", "well", "lost", "prompt"),
    [
        (FIRST, "dvi_in: 1280x720 |", "dvi_in: 0x0 |", "HDMI2USB>"),
        (SECOND, "input1:  1280x720 (@ 74249 kHz)\r\n", "input1:  0x0 (@ 0 kHz)\r\n", "HDMI2USB>"),
        (THIRD, "input1:  1280x720 (@74.25 MHz) (cap", "input1:  0x0 (@0.00 MHz) (cap", "H2U 01:01:05>"),
    ],
)
def test_the_firmware_answers_in_its_generation(generation: str, well: str, lost: str, prompt: str) -> None:
    console = Firmware(generation)
    assert console.receive(b"sta", 100) == b"sta"
    said = console.receive(b"tus\r", 100 + 3665).decode()
    assert said.startswith("tus\r\n")
    assert well in said
    assert said.endswith("\r\n" + prompt)
    console.signal = "none"
    assert lost in console.receive(b"status\n", 101).decode()
    assert ("status1: " in console.receive(b"status short\r", 101).decode()) == (generation == THIRD)
    assert console.receive(b"x" * 500, 101) == b"x" * LONGEST
    assert "Command not found" in console.receive(b"\r", 101).decode()
    assert console.receive(HANGS.encode() + b"\rstatus\r", 102) == HANGS.encode() + b"\r\n"
    assert console.receive(b"status\r", 103) == b""


@pytest.mark.parametrize("word", SIGNALS)
def test_what_the_newest_says_of_a_signal_is_read_as_that(word: str) -> None:
    console = Firmware()
    console.signal = word
    assert firmware.signal(firmware.read(console.receive(b"status\r", 0).decode())) == word
