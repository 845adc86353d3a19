"""What is plugged in is what is shown, and what is shown is what sounds."""

from __future__ import annotations

import contextlib
import itertools
import json
import statistics
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from backends.hardware.tone_lines import HERTZ, SECONDS
from tests.patience import HEARD, UDEV_LOOKS, elapse, until
from tests.rig.devices.venue import ROOMS, SPARE
from tests.rig.drills import recordings
from tests.rig.drills.console import Foh, Report
from tests.rig.drills.recordings import LEVEL, RATE
from tests.rig.drills.undisturbed import undisturbed
from tests.rig.drills.venue import RULES, Venue, card, cards, has_card, playing, repeating, settle, sleeps

PORTS = [f"1-{number}" for number in range(1, len(ROOMS) + 1)]


def tone(number: int) -> int:
    return 300 + 50 * number


def test_nine_boards_are_nine_cards_and_nine_rows(calm: Venue, foh: Foh) -> None:
    assert len(cards()) == 9
    report = foh.status()
    assert report.said["status"] == "ok"
    assert sorted(report.rows("board")) == PORTS
    for board in report.rows("board").values():
        assert (board["model"], board["ids"], board["speed"]) == ("PCM2705C", "08bb:27c5", 12)
        assert (board["maker"], board["serial"]["why"]) == ("BurrBrown from Texas Instruments", "not applicable")
    assert len(report.rows("pcm")) == 9


@pytest.mark.long
def test_each_pcm_sounds_at_the_board_that_the_console_joins_it_to(calm: Venue, foh: Foh, tmp_path: Path) -> None:
    report = foh.status()
    joined = {report.linked(pcm, "board", "board"): int(pcm["card"]) for pcm in report.rows("pcm").values()}
    assert sorted(joined) == PORTS
    with contextlib.ExitStack() as stack:
        for number, port in enumerate(PORTS):
            stack.enter_context(playing(joined[port], tone(number), tmp_path))
        looks = [calm.reports()]
        for _ in range(5):
            elapse(HEARD)
            looks.append(calm.reports())
        heard = [calm.hear(room) for room in ROOMS]
    assert [usual_pace(looks, room) for room in ROOMS] == pytest.approx([RATE] * 9, rel=0.01)
    for number, sound in enumerate(heard):
        assert sound["hertz"] == pytest.approx([tone(number)] * 2, abs=1)
        assert sound["level"] == pytest.approx([LEVEL] * 2, abs=0.1)


def usual_pace(looks: Sequence[dict[str, dict[str, Any]]], room: str) -> float:
    """Frames a second, between most looks: after the guest has stood still for a moment, its bus catches up."""
    paces: list[float] = [
        (after[room]["frames"] - before[room]["frames"]) / (after[room]["at"] - before[room]["at"])
        for before, after in itertools.pairwise(looks)
    ]
    return statistics.median(paces)


@pytest.mark.long
def test_only_the_board_that_is_played_to_sounds(calm: Venue, foh: Foh, tmp_path: Path) -> None:
    report = foh.status()
    (number,) = (int(p["card"]) for p in report.rows("pcm").values() if report.linked(p, "board", "board") == "1-5")
    before = calm.reports()
    with playing(number, 440, tmp_path):
        elapse(HEARD)
        assert calm.hear("kitchen")["hertz"] == pytest.approx([440, 440], abs=1)
        playing_now = foh.status()
    after = calm.reports()
    sounded = [room for room in ROOMS if after[room]["frames"] != before[room]["frames"]]
    assert sounded == ["kitchen"]
    states = {playing_now.linked(p, "board", "board"): p["state"] for p in playing_now.rows("pcm").values()}
    assert states == {port: "RUNNING" if port == "1-5" else "closed" for port in PORTS}


@pytest.mark.long
def test_a_dac_of_another_make_is_shown_as_what_it_is(calm: Venue, foh: Foh) -> None:
    calm.plug("table")
    board = foh.status().rows("board")["1-10"]
    assert (board["model"], board["ids"], board["serial"]) == ("Table DAC", "0d8c:0012", "T-0042")
    assert (board["hid"], board["current"]) == ("none", 100)


def test_hostile_strings_come_out_clean(calm: Venue, foh: Foh) -> None:
    calm.plug("hostile")
    ran = foh("status", "--json")
    hostile = [c for c in ran.stdout if (ord(c) < 32 and c != "\n") or ord(c) in (0x7F, 0x9B, 0x200B, 0x202E, 0x2066)]
    assert hostile == []
    assert not [escape for escape in ("\\u001b", "\\u009b", "\\u202e", "\\u2066", "\\u200b") if escape in ran.stdout]
    board = Report(json.loads(ran.stdout)).rows("board")["1-11"]
    assert "Maker" in board["maker"]  # what is harmless stays
    assert "etc" in board["serial"]


def test_nine_boards_lose_nothing_to_the_console(calm: Venue, foh: Foh, tmp_path: Path) -> None:
    numbers = tmp_path / "numbers.raw"
    numbers.write_bytes(recordings.numbers())
    with contextlib.ExitStack() as stack:
        for port, _ in enumerate(ROOMS, 1):
            stack.enter_context(repeating(card(port), numbers))
        undisturbed(calm, foh, 4)


@pytest.mark.long
def test_a_card_that_is_named_by_its_port_keeps_its_name(calm: Venue, foh: Foh) -> None:
    """In a port that the venue has no name for: the kernel names the card, until it is told another name."""
    calm.unplug("office")
    calm.plug("office", SPARE)
    until(lambda: has_card(SPARE))
    by_kernel = called(SPARE)
    done(foh("act", f"board/1-{SPARE}", "name-card", "name=studio", "--yes"))
    assert called(SPARE) == "studio"
    elapse(UDEV_LOOKS)
    again(calm)
    until(lambda: called(SPARE) == "studio")
    done(foh("act", f"board/1-{SPARE}", "unname-card", "--yes"))
    assert list(RULES.glob("*-foh-*")) == []
    elapse(UDEV_LOOKS)
    again(calm)
    until(lambda: called(SPARE) == by_kernel)


@pytest.mark.long
def test_a_tone_tells_which_room_a_board_is_in(calm: Venue, foh: Foh, tmp_path: Path) -> None:
    """On a board that sleeps, and not on one that plays."""
    number = ROOMS.index("garden") + 1
    until(lambda: sleeps(number))
    before = calm.reports()
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(foh, "act", f"board/1-{number}", "identify", "--yes")
        until(lambda: calm.report("garden")["frames"] > before["garden"]["frames"] + RATE)
        assert calm.hear("garden")["hertz"] == pytest.approx([HERTZ] * 2, abs=1)
        done(asked.result())
    after = calm.reports()
    assert [room for room in ROOMS if after[room]["frames"] != before[room]["frames"]] == ["garden"]
    assert after["garden"]["frames"] - before["garden"]["frames"] == pytest.approx(RATE * SECONDS, rel=0.1)
    until(lambda: sleeps(number))
    with playing(card(number), 440, tmp_path):
        ran = foh("act", f"board/1-{number}", "identify", "--yes")
        assert ran.returncode != 0
        assert "a program holds its sound card" in ran.stdout + ran.stderr
        assert calm.hear("garden")["hertz"] == pytest.approx([440] * 2, abs=1)


def again(venue: Venue) -> None:
    venue.unplug("office")
    venue.plug("office", SPARE)
    until(lambda: has_card(SPARE))
    settle()


def called(port: int) -> str:
    """The id of the card in a port."""
    return Path(f"/proc/asound/card{card(port)}/id").read_text().strip()


def done(ran: subprocess.CompletedProcess[str]) -> None:
    assert ran.returncode == 0, ran.stdout + ran.stderr
