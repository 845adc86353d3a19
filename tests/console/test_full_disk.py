"""A disk without room costs no word, and stops no action that the operator wants all the same."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from backends.contract import Plan, Risk
from console.line import plain
from console.panes.plan import group_lines
from console.venue.journal import MOST, Entry
from console.venue.operate import Operator
from console.venue.unrecorded import NOTE
from console.venue.venue import Venue
from tests.console.test_operate import BAR, MUTE, Control, venue
from tests.patience import BOUND, until
from tests.terminal import FOH, Terminal


async def fill(here: Venue) -> None:
    """No page more: as SQLite says it of a full disk."""
    assert here.journal._db
    await here.journal._db.execute("PRAGMA max_page_count = 1")
    with contextlib.suppress(OSError):
        while True:
            await here.journal.change([("INSERT INTO entry VALUES (NULL, 0, '', '', '', '', '{}')", ())])


async def make_room(here: Venue) -> None:
    assert here.journal._db
    await here.journal._db.execute("PRAGMA max_page_count = 1000000")


def entry(number: int) -> Entry:
    return Entry(number, "foh", "opened", "x", f"{number} " + "x" * 5000)


async def test_the_newest_are_kept_and_written_in_order_when_there_is_room(tmp_path: Path) -> None:
    here = await venue(tmp_path / "j.sqlite")
    async with contextlib.aclosing(Closing(here)):
        await fill(here)
        with pytest.raises(OSError, match="full"):
            await here.journal.write(*map(entry, range(MOST)))
        assert f"full; {MOST} entries wait in memory" in here.journal.trouble
        with pytest.raises(OSError, match="full"):
            await here.journal.write(entry(MOST), entry(MOST + 1))
        assert f"{MOST} entries wait in memory; the 2 oldest were lost" in here.journal.trouble
        await make_room(here)
        await here.journal.write()
        kept = [int(each.text.split()[0]) for each in await here.journal.about("x", 2 * MOST)]
        assert kept == list(range(MOST + 1, 1, -1))
        assert here.journal.failure == ""
        assert not here.journal.waits


async def test_an_action_is_taken_only_if_it_may_be_unrecorded_and_is_recorded_later(tmp_path: Path) -> None:
    here = await venue(tmp_path / "j.sqlite")
    async with contextlib.aclosing(Closing(here)):
        here.control = control = Control(here)
        operator = Operator(here, "ann")
        await fill(here)
        with contextlib.suppress(OSError):
            await here.journal.write(*map(entry, range(9)))
        refused = await operator.run(await operator.plan(MUTE, {}))
        assert "not done, because it cannot be recorded" in refused.text
        assert control.steps == 0
        done = await operator.run(await operator.plan(MUTE, {}), unrecorded=True)
        assert (done.ok, control.steps) == (True, 1)
        await make_room(here)
        await here.journal.write()
        assert [each.what for each in await here.journal.about(str(BAR))] == ["done", "step", "planned"]


class Closing:
    """So that the journal's thread ends when a test fails."""

    def __init__(self, here: Venue) -> None:
        self._here = here

    async def aclose(self) -> None:
        await self._here.journal.close()


def test_the_plan_says_it() -> None:
    shown = "\n".join(map(plain, group_lines({"bar": Plan(MUTE, {}, (), ())}, {}, (), 80, f"{NOTE} (disk full)")))
    assert MUTE.risk is Risk.ROUTINE
    assert "unrecorded the journal cannot be written" in shown
    assert "(disk full)" in shown


def full(tmp_path: Path, script: str) -> list[str]:
    """Runs a script with foh's state on a disk that has no room."""
    (tmp_path / "state").mkdir()
    whole = f"mount -t tmpfs -o size=256k none {tmp_path}/state && dd if=/dev/zero of={tmp_path}/state/filler bs=4k"
    return ["unshare", "-rm", "sh", "-c", f"{whole} 2>{tmp_path}/dd; {script}"]


def env(tmp_path: Path) -> dict[str, str]:
    return {"FOH_STATE": f"{tmp_path}/state", "HOME": str(tmp_path), "USER": "ann", "SUDO_USER": ""}


def test_on_the_command_line(tmp_path: Path) -> None:
    """On a real disk without room: before there is a journal at all."""
    act = f"{sys.executable} -m console act zone/bar volume percent=33 --demo --yes"
    argv = full(tmp_path, f"{sys.executable} -m console status --demo; {act}; echo @$?@; {act} --unrecorded; echo @$?@")
    said = subprocess.run(argv, env=os.environ | env(tmp_path), capture_output=True, text=True, timeout=BOUND)
    assert said.stderr == ""
    words = " ".join(said.stdout.split())
    refused, code, done = words.split("@", 2)
    assert "entries wait in memory" in refused
    assert "not done, because it cannot be recorded" in refused
    assert "--yes --unrecorded" in refused
    assert code == "1"
    assert "done: " in done
    assert "not recorded: " in done
    assert words.endswith("@0@")


def test_on_the_screen(tmp_path: Path) -> None:
    argv = full(tmp_path, f"exec {' '.join(FOH)} demo --still")
    with Terminal(argv, 160, 48, env(tmp_path)) as terminal:
        terminal.wait_for("sources 17/17")
        terminal.until(lambda: "journal" in terminal.screen()[0])
        terminal.press("1")
        terminal.settled()
        terminal.press("a")
        terminal.wait_for("actions on")
        terminal.press("enter")
        terminal.wait_for("Cancel")
        assert "the journal cannot be written" in terminal.text
        terminal.press("tab", "enter")
        terminal.wait_gone("Cancel")
        until(lambda: "done: " in terminal.text or "already" in terminal.text)
        terminal.press("q")
        assert terminal.ended() == 0
