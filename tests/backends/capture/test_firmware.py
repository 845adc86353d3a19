"""What each generation of the boards' firmware may say, and what it means."""

from __future__ import annotations

import pytest

from backends.capture.firmware import GOOD, NONE, OFF, OTHER, PATTERN, UNLOCKED, read, shown_input, signal

OLD = "dvi_in: {} | dvi_out: OFF | encoder: 40 fps, q: 50"
MIDDLE = """HDMI2USB>status
input0:  0x0 (@ 0 kHz)
input1:  {}
output0: off
output1: 1280x720@50Hz from input1
encoder: 1280x720 @ 0fps (0Mbps) from input1 (q: 85)
ddr: read:  734Mbps  write:  736Mbps  all: 1470Mbps
HDMI2USB>"""
NEW = """status
input0:  0x0 (@48.94 MHz) (disabled)
input1:  {}
output0: 1280x720@50.00Hz from input1 (underflows: 0)
EDID primary mode:   1280x720@50.00Hz
EDID secondary mode: 1280x720@60.00Hz
encoder: 1280x720 @ 24fps from {} (q: 85)
ddr:\x20
H2U 07:19:59>"""


@pytest.mark.parametrize(
    ("said", "word", "measured"),
    [
        (OLD.format("1280x720"), GOOD, "dvi_in: 1280x720"),
        (OLD.format("0x0"), NONE, "dvi_in: 0x0"),
        (MIDDLE.format("1280x720 (@ 74249 kHz)"), GOOD, "input1: 1280x720 @ 74.25 MHz"),
        (MIDDLE.format("1024x768 (@ 65003 kHz)"), GOOD, "input1: 1024x768 @ 65.00 MHz"),  # nothing says what is wanted
        (MIDDLE.format("0x0 (@ 25 kHz)"), NONE, "input1: 0x0 @ 0.03 MHz"),
        (MIDDLE.format("0x0 (@ 11704 kHz)"), NONE, "input1: 0x0 @ 11.70 MHz"),
        (MIDDLE.format("0x0 (@ 73888 kHz)"), UNLOCKED, "input1: 0x0 @ 73.89 MHz"),
        (MIDDLE.format("1279x0 (@ 74208 kHz)"), UNLOCKED, "input1: 1279x0 @ 74.21 MHz"),
        (MIDDLE.format("9x0 (@ 0 kHz)"), UNLOCKED, "input1: 9x0 @ 0.00 MHz"),
        (NEW.format("1280x720 (@74.25 MHz) (capturing)", "input1"), GOOD, "input1: 1280x720 @ 74.25 MHz"),
        (NEW.format("0x0 (@74.25 MHz) (capturing)", "input1"), UNLOCKED, "input1: 0x0 @ 74.25 MHz"),
        (NEW.format("0x0 (@0.00 MHz) (capturing)", "input1"), NONE, "input1: 0x0 @ 0.00 MHz"),
        (NEW.format("1024x768 (@65.00 MHz) (capturing)", "input1"), OTHER, "input1: 1024x768 @ 65.00 MHz"),
        (NEW.format("1280x720 (@74.25 MHz) (capturing)", "input0"), OFF, "input0: 0x0 @ 48.94 MHz"),
        (NEW.format("1280x720 (@74.25 MHz) (capturing)", "pattern"), PATTERN, "None"),
        (NEW.format("1280x720 (@1.2.3 MHz) (capturing)", "input1"), GOOD, "input1: 1280x720"),
        (NEW.format("1280x720 (@74.25 MHz) (capturing)", "input7"), None, "None"),
        ("outputN ofdvisampler1: ph:   4    4    4 // charsync:111 [9 9 9] // WER:  0", None, "None"),
        ("", None, "None"),
    ],
)
def test_an_answer_tells_how_the_signal_is(said: str, word: str | None, measured: str) -> None:
    status = read(said)
    assert (signal(status), str(shown_input(status))) == (word, measured)


def test_the_first_input_that_has_something_is_shown_where_nothing_says_which() -> None:
    assert (
        str(shown_input(read("input0:  0x0 (@ 0 kHz)\ninput1:  1280x720 (@ 74249 kHz)\n")))
        == "input1: 1280x720 @ 74.25 MHz"
    )
    assert str(shown_input(read("input0:  0x0 (@ 0 kHz)\ninput1:  0x0 (@ 0 kHz)\n"))) == "input0: 0x0 @ 0.00 MHz"
