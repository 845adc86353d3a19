"""The embedded venue's tones: they occupy a card as long as the tone child would."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from pathlib import Path

import msgspec

from backends.demo.lines import Lines
from backends.hardware.tone_lines import BEAT, SECONDS, ToneReport, ToneRequest


class DemoTones(Lines):
    """Answers for the tone child. `free` returns the cards on which nothing plays."""

    def __init__(self, socket: Path, free: Callable[[], Collection[str]]) -> None:
        super().__init__(socket, BEAT)
        self.free = free
        self.playing: set[str] = set()

    def everything(self) -> ToneReport:
        return ToneReport(tuple(f"plughw:{card},0" for card in self.playing))

    def answer(self, line: bytes) -> ToneReport:
        card = msgspec.json.decode(line, type=ToneRequest).play.removeprefix("plughw:").removesuffix(",0")
        if card not in self.free():
            return ToneReport(error="Device or resource busy")
        self.playing.add(card)
        asyncio.get_running_loop().call_later(SECONDS, self._over, card)
        return self.everything()

    def _over(self, card: str) -> None:
        self.playing.discard(card)
        self.tell()
