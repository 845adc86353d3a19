"""The embedded venue's sound server: sinks, and a stream of each player that plays into one of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from backends.audio.pulse.lines import BEAT, Move, ServerReport, SinkInput
from backends.demo.lines import Lines
from backends.demo.mopidy import Player


class DemoSoundServer(Lines):
    """Each player has a sink of its name, in which its streams begin. They are joined by the venue file: all players
    here are one process, so that none is known by it."""

    address = "embedded"

    def __init__(self, socket: Path, players: Mapping[str, Player]) -> None:
        super().__init__(socket, BEAT)
        self.players = players
        self._moved: dict[str, str] = {}

    def move(self, player: str, sink: str) -> None:
        """As the server does when a sink goes, or somebody who asks it to."""
        self._moved[player] = sink
        self.tell()

    def sink_of(self, player: str) -> str:
        return self._moved.get(player, player)

    def look(self) -> None:
        """Notices what its players have done."""
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
