"""What arrives faster than fingers move costs neither memory nor the keys that follow it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.inflow import END, FINGERS, MOST, START, Inflow
from tests.terminal import FOH, Terminal


def fed(*texts: str) -> tuple[list[str], str]:
    """What is parsed of each text, and the burst at the end."""
    inflow = Inflow()
    return [inflow.feed(text) for text in texts], inflow.quiet()


LONG = "x" * FINGERS
MOVE = "\x1b[<35;{};7M"


@pytest.mark.parametrize(
    ("texts", "parsed", "burst"),
    [
        (["q"], ["q"], ""),
        (["\x1b[A" * 500], ["\x1b[A" * 500], ""),
        (["x" * (FINGERS - 1)] * 3, ["x" * (FINGERS - 1)] * 3, ""),
        (["jj\x1b[A" + LONG, "\x1b[Aq"], ["jj\x1b[A", ""], LONG + "\x1b[Aq"),
        (["x" * MOST, "y"], ["", ""], "x" * MOST),
        ([START + LONG + END + "q"], [START + LONG + END + "q"], ""),
        ([START[:3], START[3:] + LONG, LONG + END[:2], END[2:] + "q"],
         [START[:3], START[3:] + LONG, LONG, END + "q"], ""),
        ([START + "x" * (MOST + 9), "yy" + END + "q"], [START + "x" * MOST, END + "q"], ""),
        ([LONG + START + "x" + END], [""], LONG + START + "x" + END),
        (["".join(MOVE.format(x) for x in range(1, 90))], [MOVE.format(89)], ""),
        (["j" + MOVE.format(1) + MOVE.format(2) + "\x1b[<0;2;7M" + MOVE.format(3)],
         ["j" + MOVE.format(2) + "\x1b[<0;2;7M" + MOVE.format(3)], ""),
        (["\x1b[<65;1;1M" * 3], ["\x1b[<65;1;1M" * 3], ""),
    ],
)  # fmt: skip
def test_what_is_parsed_and_what_was_pasted(texts: list[str], parsed: list[str], burst: str) -> None:
    assert fed(*texts) == (parsed, burst)


@given(st.lists(st.text("ab\x1b[201~0q", max_size=9), max_size=9))
def test_what_is_typed_is_passed_on_wherever_it_is_cut(texts: list[str]) -> None:
    """And what is marked as pasted ends where its mark says."""
    whole = START + "".join(texts).replace(START, "")
    cut, inflow = [START, *(text for text in texts if text)], Inflow()
    if START in "".join(texts):
        return
    assert "".join(map(inflow.feed, cut)) + inflow._held + inflow.quiet() == whole


@pytest.mark.parametrize(
    "flood",
    [
        b"".join(b"some line of a log, with a q in it %d\n" % n for n in range(25_000)),
        b"".join(b"\x1b[<35;%d;%dM" % (n % 150 + 1, n % 40 + 1) for n in range(60_000)),
    ],
    ids=["pasted", "moves"],
)
def test_a_flood_is_swallowed_and_the_next_key_is_obeyed(tmp_path: Path, flood: bytes) -> None:
    with Terminal([*FOH, "demo", "--still"], 160, 48, {"FOH_STATE": str(tmp_path)}) as terminal:
        terminal.wait_for("sources 17/17")
        terminal.settled()
        program = psutil.Process(terminal.process.pid)
        before, peak = program.memory_info().rss, 0

        def write() -> None:
            left = memoryview(flood)
            while left:
                left = left[os.write(terminal.master, left) :]

        writing = threading.Thread(target=write)
        writing.start()
        while writing.is_alive():
            peak = max(peak, program.memory_info().rss)
            writing.join(0)
        terminal.settled()
        assert program.is_running()
        terminal.press("?")
        terminal.wait_for("Esc back")
        peak = max(peak, program.memory_info().rss)
        assert peak - before < 50 << 20
        terminal.press("escape", "q")
        assert terminal.ended() == 0
