"""When a stream is blanked, and since when that is known."""

from __future__ import annotations

import pytest

from backends.capture.rules import blanked
from backends.contract import Evidence, Gone, Id, Unknown, Verdict
from backends.kinds import Mixer

ID = Id("venue", "mixer", "127.0.0.1:9999")
TURNED = Evidence("stream turned", "127.0.0.1:9999 stream_status", 1_700_000_000.0, "blank pause")


def judge(stream: str | Unknown, *evidence: Evidence) -> Verdict:
    return blanked(Mixer(id=ID, name="voctocore", stream=stream, evidence=evidence), None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("stream", "found", "undecided"),
    [("live", 0, False), ("blank pause", 1, False), ("blank nostream", 1, False), (Unknown(), 0, True)],
)
def test_blanked(stream: str | Unknown, found: int, undecided: bool) -> None:
    verdict = judge(stream)
    assert (len(verdict.findings), verdict.undecided) == (found, undecided)


def test_it_says_since_when_it_is_known() -> None:
    (seen,), (unseen,) = judge("blank pause", TURNED).findings, judge("blank pause").findings
    assert "since " in seen.cause
    assert seen.not_known == ""
    assert "since" not in unseen.cause
    assert "since when" in unseen.not_known
    assert (seen.remedies[0].action, seen.remedies[0].target) == ("live", ID)


def test_a_mixer_that_is_gone_has_no_stream() -> None:
    assert blanked(Gone(ID, None, 0.0), None) == Verdict()  # type: ignore[arg-type]
