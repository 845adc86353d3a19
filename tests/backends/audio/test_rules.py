"""What is judged about zones: one row of the diagnosis matrix each. Tables, no I/O."""

from __future__ import annotations

from typing import Any

import pytest

from backends.audio.pace import runaway
from backends.audio.rules import FAULTS, failed, held, known, stalled, taken, unreachable
from backends.contract import Evidence, Gone, Id, Offer, Severity, Unknown, Why
from backends.kinds import LOG, Zone
from tests.backends.audio.zones import BAR, BOARD, CARD, DOUBT, LONG, but, codes, world

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
