"""The embedded venue's mixers, and the stand-in for the mixer child that connects the ALSA backend to them.

    python -m backends.demo.mixer SOCKET

The stand-in only carries lines (backends/audio/mixer_lines.py) between its standard streams and the socket of the
process that plays the venue; the mixers themselves live there, so that the scenario and a second console see the
same. Each card has one control, `PCM`, of 64 steps of 1 dB, like a PCM2705C's feature unit.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from backends.audio.mixer_lines import BEAT, Ask, Fader, Reply, Told
from backends.runtime import die_with_parent

STEPS = 64


class Mixers:
    """The state of all mixers, and the server that tells it. `cards` says which are there: id and index."""

    def __init__(self, socket: Path, cards: Callable[[], Mapping[str, int]]) -> None:
        self.socket, self.cards = socket, cards
        self.argv = (sys.executable, "-m", "backends.demo.mixer", str(socket))  # for the backend's `mixer` setting
        self._faders: dict[str, Fader] = {}
        self._clients: set[asyncio.StreamWriter] = set()

    def set(self, card: str, *, level: int | None = None, mute: bool | None = None) -> None:
        """What somebody did to a card's mixer; all who listen hear of it at once."""
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

    def tell(self) -> None:
        """Says everything to everybody. Also for when a card has come or gone."""
        line = _line(Told(tuple(self._fader(card) for card in self.cards())))
        for writer in self._clients:
            writer.write(line)

    async def run(self) -> None:
        """Serves until cancelled."""
        async with await asyncio.start_unix_server(self._joined, self.socket):
            while True:
                self.tell()
                await asyncio.sleep(BEAT)

    def _fader(self, card: str) -> Fader:
        fader = self._faders.get(card) or Fader(f"hw:{card}", "PCM", 0, (), 75, -16.0, False, STEPS)
        return structs.replace(fader, names=(str(self.cards().get(card, "")), card, f"hw:{card}"))

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        self.tell()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):  # the venue ends, or the client has
            while line := await reader.readline():
                writer.write(_line(self._answer(msgspec.json.decode(line, type=Ask))))
        self._clients.discard(writer)
        writer.close()

    def _answer(self, ask: Ask) -> Reply:
        card = ask.device.removeprefix("hw:")
        if card not in self.cards():
            return Reply(ask.ask, error="No such device")
        if ask.do == "mute":
            self.set(card, mute=bool(ask.value))
        elif ask.do == "level":
            self.set(card, level=int(ask.value or 0))
        return Reply(ask.ask, self._fader(card))


def _line(message: Struct) -> bytes:
    return msgspec.json.encode(message) + b"\n"


def main(path: str) -> None:
    """Carries bytes both ways until either side ends."""
    die_with_parent()
    with socket.socket(socket.AF_UNIX) as venue:
        venue.connect(path)
        while True:
            ready, _, _ = select.select([0, venue.fileno()], [], [])
            for end in ready:
                data = os.read(end, 65536)
                if not data:
                    return
                _write_all(venue.fileno() if end == 0 else 1, data)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


if __name__ == "__main__":
    main(sys.argv[1])
