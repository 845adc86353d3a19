"""The embedded venue's sound server: its sinks, and each player's stream into one of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from backends.audio.pulse.lines import BEAT, Move, ServerReport, SinkInput
from backends.demo.lines import Lines
from backends.demo.mopidy import Player


class DemoSoundServer(Lines):
    """Each player has a sink of its name, where its streams start. The venue file links player and stream, because all
    players here are one process."""

    address = "embedded"

    def __init__(self, socket: Path, players: Mapping[str, Player]) -> None:
        super().__init__(socket, BEAT)
        self.players = players
        self._moved: dict[str, str] = {}

    def move(self, player: str, sink: str) -> None:
        """Moves a stream, as the server does when a sink goes or a client requests it."""
        self._moved[player] = sink
        self.tell()

    def sink_of(self, player: str) -> str:
        return self._moved.get(player, player)

    def look(self) -> None:
        """Reads the state of its players."""
        for name, player in self.players.items():
            if player.state == "stopped":
                self._moved.pop(name, None)
        self.tell()

    def everything(self) -> ServerReport:
        streams = tuple(
            SinkInput(index, self.sink_of(name), f"Mopidy {name}", corked=player.state == "paused")
            for index, (name, player) in enumerate(self.players.items())
            if player.state != "stopped"
        )
        return ServerReport(
            "pulseaudio (embedded)", 1, {name: index for index, name in enumerate(self.players)}, streams
        )

    def answer(self, line: bytes) -> ServerReport:
        asked, names = msgspec.json.decode(line, type=Move), list(self.players)
        self.move(names[asked.stream], names[asked.to])
        return self.everything()
