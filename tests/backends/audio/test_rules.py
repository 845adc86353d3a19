"""What is judged about zones: one row of the diagnosis matrix each. Tables, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec import structs

from backends.audio.rules import (
    FAULTS,
    failed,
    held,
    known,
    runaway,
    stalled,
    taken,
    underruns,
    unreachable,
)
from backends.contract import Evidence, Gone, Id, Offer, Resource, Severity, Unknown, Verdict, Why
from backends.kinds import LOG, Board, Pcm, Zone
from tests.backends.worlds import FakeView

BAR = Zone(
    id=Id("h", "zone", "bar"), name="bar", at=999.5, state="playing", position=40, track="#1 x", jumps=2,
    tracks_begun=2, pid=100, output="alsasink device=hw:bar", endpoint="http://bar",
)  # fmt: skip
CARD = Pcm(
    id=Id("h", "pcm", "hw:bar,0"), name="bar", at=999.5, state="RUNNING", owner=100, program="mopidy", hw_ptr=5000
)
BOARD = Gone(Id("h", "board", "1-1"), Board(id=Id("h", "board", "1-1"), name="1-1"), 997.0)
LONG = 60.0  # seconds
DOUBT = Unknown(Why.UNREACHABLE, "refused")


def but(resource: Any, **changes: Any) -> Any:
    return structs.replace(resource, **changes)


def world(zone: Zone, pcm: Resource | Gone | None, zones: Sequence[Any] = (), pcms: Sequence[Any] = ()) -> FakeView:
    """`zones` and `pcms` are what they were: (seconds ago, resource), newest first."""
    ends: dict[tuple[Id, str], Resource | Gone] = {(zone.id, "pcm"): pcm} if pcm else {}
    return FakeView(1000.0, ends, past={zone.id: list(zones), CARD.id: list(pcms)})


def codes(verdict: Verdict) -> list[str]:
    return [finding.code for finding in verdict.findings]


STOOD = [(LONG, BAR)]
LOGGED = Evidence(LOG, "bar.log", 990.0, "GStreamer error: ...")
QUIET = Unknown(Why.NOT_APPLICABLE, "its log tells of none")


@pytest.mark.parametrize("fault", [*FAULTS, "a stranger's own"])
def test_an_output_that_failed_is_named_with_what_the_log_says(fault: str) -> None:
    zone = but(BAR, state="stopped", fault=fault, evidence=(LOGGED,))
    (finding,) = failed(zone, world(zone, None)).findings
    assert (finding.code, finding.severity) == ("ZONE-OUTPUT-FAILED", Severity.WARN)
    assert known(fault)[0] in finding.cause
    assert LOGGED in finding.evidence
    assert finding.remedies[0].text == known(fault)[1]


@pytest.mark.parametrize(
    ("changes", "pcm", "codes_", "undecided"),
    [
        ({"fault": QUIET}, None, [], False),
        ({"fault": Unknown()}, None, [], True),
        ({"fault": DOUBT}, None, [], True),  # its log cannot be read any more: nothing speaks against it
        ({"fault": "device busy", "state": DOUBT}, None, [], True),
        ({"fault": "device busy", "state": "playing"}, None, [], False),  # `stalled` says it, once it stands still
        ({"fault": "device busy"}, but(CARD, owner=7), [], False),  # `taken` says it
        ({"fault": "device busy"}, but(CARD, state="closed"), ["ZONE-OUTPUT-FAILED"], False),
    ],
)
def test_a_failed_output_is_said_once(changes: Any, pcm: Any, codes_: list[str], undecided: bool) -> None:
    zone = but(but(BAR, state="stopped"), **changes)
    verdict = failed(zone, world(zone, pcm))
    assert (codes(verdict), verdict.undecided) == (codes_, undecided)


def test_a_failed_output_blames_the_board_that_has_gone() -> None:
    zone = but(BAR, state="stopped", fault="device cannot be opened")
    (finding,) = failed(zone, world(zone, BOARD)).findings
    assert finding.root == BOARD.id


def test_what_the_log_says_of_a_silent_zone_takes_the_place_of_doubt() -> None:
    zone = but(BAR, fault="sound server gone", evidence=(LOGGED,))
    (finding,) = stalled(zone, world(zone, None, STOOD)).findings
    assert "its sound server is gone" in finding.cause
    assert (finding.not_known, LOGGED in finding.evidence) == ("", True)
    closed = but(CARD, state="closed", owner=DOUBT)
    lost = but(BAR, fault="device lost", evidence=(LOGGED,))
    (finding,) = stalled(lost, world(lost, closed, STOOD, [(LONG, closed)])).findings
    assert (finding.code, finding.not_known) == ("ZONE-OUTPUT-DEAD", "")
    assert "disconnected" in finding.cause


@pytest.mark.parametrize(
    ("pcm", "pcms", "code", "root"),
    [
        (None, [], "ZONE-STALLED", BAR.id),
        (but(CARD, state=DOUBT), [], "ZONE-STALLED", BAR.id),
        (BOARD, [], "ZONE-STALLED", BOARD.id),
        (but(CARD, state="closed", owner=DOUBT), [(LONG, but(CARD, state="closed"))], "ZONE-OUTPUT-DEAD", BAR.id),
        (CARD, [(LONG, CARD)], "PCM-STUCK", CARD.id),
        (CARD, [(2.9, CARD), (LONG, but(CARD, hw_ptr=1))], "ZONE-SOURCE-STALLED", BAR.id),
        (but(CARD, state="PAUSED"), [(LONG, but(CARD, state="PAUSED"))], "ZONE-SOURCE-STALLED", BAR.id),
        (but(CARD, state="PREPARED"), [(LONG, but(CARD, state="PREPARED"))], "ZONE-SOURCE-STALLED", BAR.id),
        (but(CARD, state="XRUN"), [(LONG, but(CARD, state="XRUN"))], "ZONE-XRUN-STORM", BAR.id),
        (but(CARD, state="PREPARED"), [(1, but(CARD, state="PREPARED")), (2, CARD)], "ZONE-XRUN-STORM", BAR.id),
        (but(CARD, owner=7), [(LONG, but(CARD, owner=7))], "", BAR.id),  # `taken` says it
        (but(CARD, owner=DOUBT), [(LONG, but(CARD, owner=DOUBT))], "PCM-STUCK", CARD.id),
    ],
)
def test_a_position_that_stands_still_is_explained_by_the_pcm(pcm: Any, pcms: Any, code: str, root: Id) -> None:
    verdict = stalled(BAR, world(BAR, pcm, STOOD, pcms))
    assert codes(verdict) == [code][: bool(code)]
    assert {finding.root for finding in verdict.findings} <= {root}
    assert {finding.severity for finding in verdict.findings} <= {Severity.CRIT}
    assert verdict.recheck_at is not None


def test_what_is_gone_for_a_moment_only_speaks_neither_for_nor_against_anything() -> None:
    """As the card of a board that is plugged in again."""
    verdict = stalled(BAR, world(BAR, Gone(CARD.id, CARD, 997.5), STOOD))
    assert (codes(verdict), verdict.undecided, verdict.recheck_at) == ([], True, 1000.5)


@pytest.mark.parametrize(("board", "action"), [(None, ""), (BOARD.last, "replug")])
def test_a_stuck_pcm_is_replugged_from_here_where_its_board_is_known(board: Any, action: str) -> None:
    view = world(BAR, CARD, STOOD, [(LONG, CARD)])
    if board:
        view.ends[CARD.id, "board"] = board
    (finding,) = stalled(BAR, view).findings
    remedy, again = finding.remedies
    assert (remedy.action, remedy.target) == (action, board and board.id)
    assert remedy.text.startswith("reset" if board else "unplug")
    assert again.action == "again"


def test_a_zone_that_has_not_begun_yet_waits_for_its_source() -> None:
    closed = but(CARD, state="closed", owner=DOUBT)
    begun = [(8, but(BAR, position=0)), (LONG, but(BAR, state="stopped", position=0))]
    for pcms, code in (
        ([(LONG, closed)], "ZONE-SOURCE-STALLED"),  # closed since before
        ([(5, closed), (7, CARD), (LONG, closed)], "ZONE-OUTPUT-DEAD"),  # opened, and closed again
    ):
        verdict = stalled(but(BAR, position=0), world(BAR, closed, begun, pcms))
        assert codes(verdict) == [code]
    zone = but(BAR, position=0, fault="device cannot be opened")
    assert codes(stalled(zone, world(zone, closed, begun, [(LONG, closed)]))) == ["ZONE-OUTPUT-DEAD"]


@pytest.mark.parametrize(
    ("zone", "pcm", "past", "severity"),
    [
        (BAR, but(CARD, owner=7, program="aplay"), LONG, Severity.CRIT),
        (but(BAR, state="stopped"), but(CARD, owner=7, program="aplay"), LONG, Severity.WARN),
        (but(BAR, state=DOUBT), but(CARD, owner=7, program="aplay"), LONG, Severity.WARN),
        (BAR, but(CARD, owner=7, program=DOUBT), LONG, Severity.CRIT),
        (BAR, but(CARD, owner=7), 1.0, None),  # it may be done with it soon
        (BAR, CARD, LONG, None),
        (BAR, but(CARD, state="closed", owner=DOUBT), LONG, None),
        (BAR, but(CARD, owner=DOUBT), LONG, None),
        (but(BAR, pid=DOUBT), but(CARD, owner=7), LONG, None),
        (but(BAR, output="alsasink device=shared"), but(CARD, owner=7), LONG, None),  # by way of a sound server
        (but(BAR, output=DOUBT), but(CARD, owner=7), LONG, None),
        (BAR, Gone(CARD.id, CARD, 1.0), LONG, None),
        (BAR, None, LONG, None),
    ],
)
def test_a_pcm_that_another_program_has_open(zone: Zone, pcm: Any, past: float, severity: Severity | None) -> None:
    verdict = taken(zone, world(zone, pcm, [(LONG, zone)], [(past, pcm)]))
    assert [finding.severity for finding in verdict.findings] == ([severity] if severity else [])
    for finding in verdict.findings:
        assert ("aplay (7)" in finding.cause) == (pcm.program == "aplay")
        assert "ps -fp 7" in finding.remedies[0].text
    assert (verdict.recheck_at is not None) == verdict.undecided == (past == 1.0)


STOPPED = but(BAR, state="stopped")


@pytest.mark.parametrize(
    ("zone", "pcm", "past", "found"),
    [
        (STOPPED, CARD, LONG, True),
        (STOPPED, but(CARD, state="PREPARED"), LONG, True),
        (STOPPED, CARD, 1.0, False),  # it takes a moment to close it
        (STOPPED, but(CARD, state="closed", owner=DOUBT), LONG, False),
        (STOPPED, but(CARD, owner=7), LONG, False),
        (STOPPED, but(CARD, owner=DOUBT), LONG, False),
        (STOPPED, None, LONG, False),
        (but(BAR, state="paused"), CARD, LONG, False),  # by design
        (BAR, CARD, LONG, False),
    ],
)
def test_a_stopped_zone_that_holds_its_pcm(zone: Zone, pcm: Any, past: float, found: bool) -> None:
    verdict = held(zone, world(zone, pcm, [(past, zone), (LONG + 1, BAR)], [(LONG, pcm)]))
    assert codes(verdict) == (["ZONE-HOLDS-PCM"] if found else [])
    if found:
        assert verdict.findings[0].remedies[0].action == "release"
    assert held(zone, world(zone, but(CARD, state=DOUBT))).undecided


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


THERE = "127.0.0.1:6600, MPD 0.19.0"
NOBODY = Unknown(Why.UNREACHABLE, "nobody answers at 127.0.0.1:6600")


@pytest.mark.parametrize(
    ("zone", "past", "found", "undecided"),
    [
        (but(BAR, mpd=NOBODY), [(LONG, but(BAR, mpd=NOBODY))], True, False),
        (
            but(BAR, mpd=NOBODY),
            [(1, but(BAR, mpd=NOBODY)), (9, but(BAR, mpd="127.0.0.1:6600, MPD 0.19.0"))],
            False,
            False,
        ),
        (but(BAR, mpd=NOBODY), [(1, but(BAR, mpd=NOBODY))], False, True),
        (but(BAR, mpd=THERE), [], False, False),
        (but(BAR, mpd=Unknown(Why.NOT_APPLICABLE)), [], False, False),
        (but(BAR, mpd=Unknown(Why.DENIED)), [], False, False),
        (but(BAR, state=DOUBT, mpd=NOBODY), [(LONG, but(BAR, mpd=NOBODY))], False, True),
    ],
)
def test_a_zone_that_phones_cannot_reach(zone: Zone, past: Any, found: bool, undecided: bool) -> None:
    verdict = unreachable(zone, world(zone, None, past))
    assert (codes(verdict), verdict.undecided) == (["ZONE-NO-MPD"] if found else [], undecided)


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


RESTARTABLE = Offer(BAR.id, "restart", "restart mopidy@bar.service")
STORM = [(5, but(BAR, tracks_begun=-30))]


@pytest.mark.parametrize("offered", [True, False])
def test_what_a_restart_mends_can_be_pressed_where_it_is_offered(offered: bool) -> None:
    zone = but(BAR, mpd=NOBODY, offers=(RESTARTABLE,) if offered else ())
    long = [(LONG, zone)]
    for verdict, args in (
        (stalled(zone, world(zone, CARD, long, [(LONG, CARD)])), {"how": "kill"}),
        (runaway(zone, world(zone, None, STORM)), {"how": "kill"}),
        (unreachable(zone, world(zone, None, long)), {}),
    ):
        (finding,) = verdict.findings
        found = [(each.target, each.args) for each in finding.remedies if each.action == "restart"]
        assert found == ([(zone.id, args)] if offered else [])


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
