"""What is judged about mixers. Tables, no I/O."""

from __future__ import annotations

import pytest
from msgspec import structs

from backends.audio.rules import mixer_silent
from backends.contract import Gone, Id, Resource, Unknown, Why
from backends.kinds import Control
from tests.backends.worlds import FakeView

FADER = Control(id=Id("h", "control", "zone1/Master"), name="zone1", device="zone1", level=40, mute=False)
REFUSED = Unknown(Why.UNREACHABLE, "Connection refused", False)


@pytest.mark.parametrize(
    ("control", "codes"),
    [
        (FADER, []),
        (structs.replace(FADER, mute=REFUSED), ["MIXER-UNREACHABLE"]),
        (structs.replace(FADER, mute=Unknown(Why.NOT_APPLICABLE)), []),
        (structs.replace(FADER, mute=REFUSED, device=REFUSED), []),  # the source is unwell: said there, once
        (Gone(FADER.id, FADER, 1.0), []),
    ],
)
def test_a_mixer_that_does_not_answer(control: Control | Gone, codes: list[str]) -> None:
    past: list[tuple[float, Resource]] = [] if isinstance(control, Gone) else [(60, control)]
    view = FakeView(past={FADER.id: past})
    assert [finding.code for finding in mixer_silent(control, view).findings] == codes


@pytest.mark.parametrize(("past", "undecided"), [([], True), ([(1.0, FADER)], False)])
def test_a_mixer_that_does_not_answer_for_a_moment(past: list[tuple[float, Resource]], undecided: bool) -> None:
    """As while its card leaves with its board."""
    control = structs.replace(FADER, mute=REFUSED)
    verdict = mixer_silent(control, FakeView(past={FADER.id: past}))
    assert (verdict.findings, verdict.undecided, verdict.recheck_at) == ((), undecided, 1002.0)
