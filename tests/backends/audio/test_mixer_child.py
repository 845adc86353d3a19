"""The mixer child while cards leave: it lives on, and joins no card to another's number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import alsaaudio
import pytest

from backends.audio.mixer_child import Child, Gone, candidates


def leaves() -> list[str]:
    raise alsaaudio.ALSAAudioError("No such device [hw:1]")


def known(monkeypatch: pytest.MonkeyPatch, cards: Callable[[], list[str]], *indexes: list[int]) -> None:
    """What ALSA says of its cards: their numbers each time that they are asked for, the last for ever."""
    asked = list(indexes)
    monkeypatch.setattr(alsaaudio, "card_indexes", lambda: asked.pop(0) if len(asked) > 1 else asked[0])
    monkeypatch.setattr(alsaaudio, "cards", cards)
    monkeypatch.setattr(alsaaudio, "pcms", list[Any])
    monkeypatch.setattr(alsaaudio, "mixers", lambda device: [])


def test_a_card_that_leaves_while_it_is_listed_is_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    child = Child([])
    known(monkeypatch, leaves, [0, 1])
    child.scan()
    assert child.cards == []  # so that the next turn looks again
    known(monkeypatch, lambda: ["bar"], [0])
    child.scan()
    assert child.cards == [0]


@pytest.mark.parametrize(
    ("cards", "indexes"), [(["foyer"], ([0, 1], [1])), (["bar"], ([0, 1],)), (["bar", "foyer"], ([0], [0, 1]))]
)
def test_no_card_gets_the_number_of_another(
    monkeypatch: pytest.MonkeyPatch, cards: list[str], indexes: tuple[list[int], ...]
) -> None:
    known(monkeypatch, lambda: cards, *indexes)
    with pytest.raises(Gone):
        candidates([])


def test_each_card_goes_by_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, lambda: ["bar", "foyer"], [0, 2])
    assert candidates([]) == {"hw:bar": ("0", "bar", "hw:bar"), "hw:foyer": ("2", "foyer", "hw:foyer")}
