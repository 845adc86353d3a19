"""Hearing which room a board is in: what is offered, planned and refused, and the tone. Tables, no I/O."""

from __future__ import annotations

import pytest
from msgspec import structs

from backends.contract import Id, Refused, Risk, Unknown, Why
from backends.hardware import identify, tone_child
from backends.hardware.tone_lines import HERTZ, SECONDS
from backends.kinds import Board
from tests.rig.devices import listening

AMP = Board(id=Id("h", "board", "1-1.2"), name="1-1.2", card="bar")
NO_CARD = structs.replace(AMP, card=Unknown(Why.NOT_APPLICABLE, "it has no sound card now"))


def test_a_tone_disrupts_and_its_card_must_be_seen_to_run_and_then_to_be_closed() -> None:
    offer = identify.offer(AMP)
    assert (offer.risk, offer.blocked) == (Risk.DISRUPTIVE, "")
    plan = identify.plan(offer, AMP, used=False)
    assert [(e.via, e.field, e.wanted) for e in plan.expect] == [
        ("card", "state", "RUNNING"), ("card", "state", "closed"),
    ]  # fmt: skip
    assert plan.expect[1].within > SECONDS
    assert "-D plughw:bar,0 " in plan.steps[0].shell


def test_what_plays_is_not_disturbed() -> None:
    with pytest.raises(Refused, match="a program holds its sound card"):
        identify.plan(identify.offer(AMP), AMP, used=True)


def test_a_board_without_a_card_has_no_tone() -> None:
    assert identify.offer(NO_CARD).blocked == "it has no sound card now"
    with pytest.raises(Refused, match="no sound card"):
        identify.plan(identify.offer(NO_CARD), NO_CARD, used=False)


def test_the_tone_is_steady_on_both_channels_begins_and_ends_softly_and_is_quiet() -> None:
    rate = tone_child.RATE
    for words in listening.channels(tone_child.samples(), tone_child.CHANNELS):
        assert len(words) == rate * (SECONDS + tone_child.REST)
        assert listening.tone(words, rate) == pytest.approx(HERTZ, abs=0.1)
        # A sine has half the power of a square wave: 3 dB less.
        assert listening.level(words[rate : 2 * rate]) == pytest.approx(-23, abs=0.1)
        assert max(words) == pytest.approx(3277, abs=1)
        edges = (words[: rate // 1000], words[int(rate * SECONDS) - rate // 1000 :])
        assert all(max(map(abs, edge)) < 200 for edge in edges)
