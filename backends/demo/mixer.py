"""The embedded venue's mixers. Each card has one control, `PCM`, with 64 steps of 1 dB, like a PCM2705C."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from msgspec import structs

from backends.audio.mixer_lines import BEAT, Fader, MixerReply, MixerReport, MixerRequest
from backends.demo.lines import Lines

STEPS = 64


class Mixers(Lines):
    """The state of all mixers, and the server that reports it. `cards` maps the present cards' ids to their indices."""

    def __init__(self, socket: Path, cards: Callable[[], Mapping[str, int]]) -> None:
        super().__init__(socket, BEAT)
        self.cards = cards
        self._faders: dict[str, Fader] = {}

    def set(self, card: str, *, level: int | None = None, mute: bool | None = None) -> None:
        """Changes a card's mixer as another program would, and reports it to all clients at once."""
        fader = self._fader(card)
        if level is not None:
            raw = round(min(100, max(0, level)) * STEPS / 100)
            fader = structs.replace(fader, level=round(raw * 100 / STEPS), gain=float(raw - STEPS))
        if mute is not None:
            fader = structs.replace(fader, mute=mute)
        self._faders[card] = fader
        self.tell()

    def get(self, card: str) -> Fader:
        return self._fader(card)

    def everything(self) -> MixerReport:
        return MixerReport(tuple(self._fader(card) for card in self.cards()))

    def _fader(self, card: str) -> Fader:
        fader = self._faders.get(card) or Fader(f"hw:{card}", "PCM", 0, (), 75, -16.0, False, STEPS)
        return structs.replace(fader, names=(str(self.cards().get(card, "")), card, f"hw:{card}"))

    def answer(self, line: bytes) -> MixerReply:
        return self._answer(msgspec.json.decode(line, type=MixerRequest))

    def _answer(self, ask: MixerRequest) -> MixerReply:
        card = ask.device.removeprefix("hw:")
        if card not in self.cards():
            return MixerReply(ask.ask, error="No such device")
        if ask.do == "mute":
            self.set(card, mute=bool(ask.value))
        elif ask.do == "level":
            self.set(card, level=int(ask.value or 0))
        return MixerReply(ask.ask, self._fader(card))
