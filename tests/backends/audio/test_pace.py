"""What is judged about a zone's pace: tracks and positions that run ahead, and sound with gaps. Tables, no I/O."""

from __future__ import annotations

from typing import Any

import pytest

from backends.audio.pace import runaway, underruns
from backends.contract import Verdict
from backends.kinds import Zone
from tests.backends.audio.zones import BAR, CARD, DOUBT, LONG, but, codes, world


@pytest.mark.parametrize(
    ("zone", "past", "found"),
    [
        (but(BAR, tracks_begun=30), [(5, but(BAR, tracks_begun=2))], True),
        (but(BAR, tracks_begun=30), [(1, but(BAR, tracks_begun=2)), (5, but(BAR, tracks_begun=28))], False),
        (but(BAR, jumps=30), [(5, BAR)], False),  # somebody drags a slider through a track
        (but(BAR, tracks_begun=9), [(5, but(BAR, tracks_begun=2))], False),  # somebody looks for a song
        (but(BAR, tracks_begun=30), [(1, but(BAR, tracks_begun=2))], False),  # not seen for so long
        (but(BAR, tracks_begun=30, state="stopped"), [(5, but(BAR, tracks_begun=2))], False),
        (but(BAR, tracks_begun=DOUBT), [(5, but(BAR, tracks_begun=2))], False),
        (but(BAR, tracks_begun=30), [(5, but(BAR, tracks_begun=DOUBT))], False),
    ],
)
def test_tracks_that_begin_faster_than_anybody_listens(zone: Zone, past: Any, found: bool) -> None:
    assert codes(runaway(zone, world(zone, None, past))) == (["ZONE-RUNAWAY"] if found else [])


def restarted(*begun: Any) -> list[Any]:
    """A PCM that began at these times, two seconds apart, newest first."""
    return [(2.0 * number, but(CARD, begun=each, hw_ptr=5000 - number)) for number, each in enumerate(begun)]


ANEW = restarted(99.5, 97.5, 95.0, 93.1, 91.2)
MOVES = [(1.0, but(BAR, position=39)), (LONG, but(BAR, position=1))]


@pytest.mark.parametrize(
    ("zone", "past", "pcms", "found", "undecided"),
    [
        ({}, MOVES, ANEW, True, False),
        ({}, MOVES, restarted(*[90.0] * 5), False, False),
        ({}, MOVES, restarted(99.5, *[90.0] * 4), False, False),
        ({}, MOVES, ANEW[:4], False, False),  # not seen for long enough
        ({}, MOVES, restarted(99.5, DOUBT, 95.0, 93.1, 91.2), False, False),
        ({"state": "paused"}, [], ANEW, False, False),
        ({}, [(5.0, but(BAR, position=1)), (LONG, but(BAR, track="#0 y"))], ANEW, False, True),
        ({}, [(LONG, BAR)], ANEW, False, False),  # nothing is heard at all: `stalled` says so
        ({}, MOVES, restarted(DOUBT), False, True),
    ],
)
def test_sound_with_gaps_is_named(zone: Any, past: Any, pcms: Any, found: bool, undecided: bool) -> None:
    now = but(BAR, **zone)
    verdict = underruns(now, world(now, pcms[0][1], past, pcms))
    assert [each.code for each in verdict.findings] == ["ZONE-UNDERRUNS"] * found
    assert verdict.undecided is undecided


def test_a_closed_pcm_has_no_gaps() -> None:
    closed = but(CARD, state="closed", begun=DOUBT)
    assert underruns(BAR, world(BAR, closed)) == Verdict()
    assert underruns(BAR, world(BAR, None)) == Verdict()


def ran(*looks: Any) -> list[Any]:
    """A zone's position, how often it was sent somewhere, and how many seconds of earlier tracks have passed if it
    tells them, newest first, a second apart."""
    return [
        (float(age), but(BAR, position=position, jumps=jumps, passed=passed[0] if passed else DOUBT, at=999.5 - age))
        for age, (position, jumps, *passed) in enumerate(looks)
    ]


@pytest.mark.parametrize(
    ("past", "ahead"),
    [
        (ran((240, 2), (160, 2), (80, 2)), 160),
        (ran((30, 4), (200, 3), (120, 3), (40, 3)), 160),  # its track ends and begins again meanwhile
        (ran((120, 3), (10, 3), (250, 3), (170, 3)), 190),  # the same, and not told of it yet
        (ran((90, 6, 900), (150, 4, 300), (10, 3, 0), (2, 3, 0)), 988),  # two tracks a second, told of
        (ran((10, 4, 300), (150, 3, 600), (10, 3, 0), (2, 3, 0)), 748),  # the same, and told of too late once
        (ran((2, 3, 300), (1, 3, 300), (299, 2, 0), (298, 2, 0)), 0),  # the next track
        (ran((1, 3, 300), (299, 2, 300), (299, 2, 0), (298, 2, 0)), 0),  # the same, its end told of first
        (ran((1, 9, 6), (1, 7, 4), (1, 5, 2), (1, 3, 0)), 0),  # somebody looks for a song
        (ran((90, 6, -150), (80, 5, -80), (30, 4, -40), (40, 3, 0)), 0),  # somebody drags a slider
        (ran((43, 2), (42, 2), (41, 2)), 0),  # as it should be
        (ran((240, 2), (42, 2), (41, 2)), 0),  # sent there, and not told of it yet
        (ran((241, 3), (240, 3), (41, 2), (40, 2)), 0),  # sent there
        (ran((240, 2), (160, 2)), 0),  # not seen for long enough
        (ran((240, 2), (DOUBT, 2), (80, 2)), 0),
    ],
)
def test_a_position_that_runs_ahead_of_the_clock_is_a_runaway(past: Any, ahead: int) -> None:
    verdict = runaway(past[0][1], world(past[0][1], None, past[1:]))
    assert [each.code for each in verdict.findings] == ["ZONE-RUNAWAY"] * bool(ahead)
    for each in verdict.findings:
        assert f"advanced {ahead} s in 3 s" in each.cause
