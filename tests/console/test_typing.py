"""Keys that arrive in a burst, as over a slow line, mean what they mean one by one."""

from __future__ import annotations

from pathlib import Path

from tests.terminal import FOH, Terminal

DOWN = "\x1b[B"


def test_a_burst_of_keys_acts_on_what_it_selected(tmp_path: Path) -> None:
    with Terminal([*FOH, "demo", "--still"], 120, 36, {"FOH_STATE": str(tmp_path)}) as terminal:
        terminal.wait_for("sources 17/17")  # else there may be no zone yet to select
        for steps, zone in ((2, "gallery"), (0, "bar"), (4, "greenroom"), (1, "foyer"), (3, "garden")):
            terminal.press("ig1" + "g" + DOWN * steps + "m")
            terminal.wait_for("step 1")
            assert f"hw:{zone}" in terminal.text, f"after {steps} steps down it should be {zone}"
            terminal.press("n")
            terminal.wait_gone("step 1")
        terminal.press("1/gar")  # letters are text while a filter is typed
        terminal.wait_for("(8 hidden)")
        terminal.press("q")
        terminal.wait_for("(9 hidden)")
        assert terminal.process.poll() is None
