"""The mixer child while cards leave: it lives on, and joins no card to another's number."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import alsaaudio
import pytest

from backends.audio import mixer_child
from backends.audio.mixer_child import Child, Gone, candidates
from backends.audio.mixer_lines import MixerReport


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


class Cached:
    """A mixer whose level is that of the moment when it was opened, as libasound's is when its device has died."""

    level = 40

    def __init__(self, control: str, index: int = 0, device: str = "") -> None:
        self._level, self._ends = self.level, os.pipe()

    def __getattr__(self, name: str) -> Any:
        return {
            "volumecap": lambda: ["Playback Volume"], "switchcap": list, "getrange": lambda *_: [0, 100],
            "getvolume": lambda *_: [self._level], "mixer": lambda: "PCM", "mixerid": lambda: 0,
            "polldescriptors": lambda: [(self._ends[0], 1)], "close": lambda: [os.close(end) for end in self._ends],
        }[name]  # fmt: skip


def test_one_that_is_told_to_look_opens_its_mixers_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[MixerReport] = []
    monkeypatch.setattr(
        mixer_child, "say", lambda message: told.append(message) if type(message) is MixerReport else None
    )
    known(monkeypatch, lambda: ["bar"], [0])
    monkeypatch.setattr(alsaaudio, "mixers", lambda device: ["PCM"])
    monkeypatch.setattr(alsaaudio, "Mixer", Cached)
    child = Child([])
    child.scan()
    child.tell(0.0)
    Cached.level = 50
    child.tell(0.0)
    child.look()
    child.tell(0.0)
    assert [each.controls[0].level for each in told] == [40, 50]

    def fails(*_: object, **__: object) -> None:
        raise alsaaudio.ALSAAudioError("Connection refused")

    monkeypatch.setattr(alsaaudio, "Mixer", fails)
    child.look()
    child.tell(0.0)
    assert (told[-1].controls, told[-1].failed) == ((), {"hw:bar": "Connection refused"}), "it is there, and fails"
