"""Zones in the guest: real Mopidy servers that play through ALSA into the emulated boards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.beds.mopidy import RealMopidy, mopidies
from tests.patience import until
from tests.rig.devices.venue import ROOMS
from tests.rig.drills import recordings
from tests.rig.drills.console import Foh
from tests.rig.drills.recordings import LEVEL
from tests.rig.drills.venue import Venue, card, has_card, state

LENGTH = 120  # seconds of each recording


def hertz(room: str) -> int:
    """The tone by which a room is known."""
    return 300 + 50 * ROOMS.index(room)


class Zones:
    """A player for each room. Its output is its room's card, by the name that the venue's rules give it."""

    def __init__(self, servers: dict[str, RealMopidy], folder: Path) -> None:
        self.servers, self._folder = servers, folder
        for server in servers.values():
            server.rpc("core.mixer.set_volume", volume=100)

    def play(self, *rooms: str) -> None:
        """Each room its own tone; returns when the kernel streams it."""
        for room in rooms:
            file = self._folder / f"{room}.wav"
            self.servers[room].play(file if file.exists() else recordings.tone(file, hertz(room), LENGTH))
        self._streaming(rooms)

    def play_numbered(self) -> None:
        """Every room a recording that numbers its frames."""
        file = self._folder / "numbered.wav"
        recordings.numbered(file, LENGTH)
        for server in self.servers.values():
            server.play(file)
        self._streaming(tuple(self.servers))

    def quiet(self) -> None:
        """Nothing plays, and no board is held."""
        for server in self.servers.values():
            server.rpc("core.playback.stop")
            server.rpc("core.tracklist.clear")
        until(lambda: {pcm(room) for room in self.servers} == {"closed"}, "all PCMs are closed")

    def address(self, room: str) -> str:
        """The zone's local name in foh."""
        return self.servers[room].endpoint.removeprefix("http://")

    def venue_file(self) -> str:
        """The venue as its people have written it down: which players there are, and which room has which board."""
        joins = (
            f'[[joins]]\nof = "zone/{self.address(room)}"\nrelation = "board"\nto = "board/1-{port}"\n'
            for port, room in enumerate(ROOMS, 1)
            if room in self.servers
        )
        endpoints = [server.endpoint for server in self.servers.values()]
        boards = [f"rig/board/1-{port}" for port, _ in enumerate(ROOMS, 1)]
        return "".join((f"inventory = {boards}\n", *joins, f"[mopidy]\nendpoints = {endpoints}\n"))

    def _streaming(self, rooms: tuple[str, ...]) -> None:
        until(lambda: all(pcm(room) == "RUNNING" for room in rooms), f"{rooms} stream")


def pcm(room: str) -> str:
    """The state of the room's PCM; "" without a card."""
    port = ROOMS.index(room) + 1
    return state(card(port)) if has_card(port) else ""


def joined(venue: Venue, music: Zones, foh: Foh) -> None:
    """Each zone's row leads to its PCM, and this to the board at which the zone's tone is heard."""
    music.play(*music.servers)
    report = foh.status()
    assert report.incidents == []
    assert len(report.rows("zone")) == len(music.servers)
    for room in music.servers:
        zone = report.rows("zone")[music.address(room)]
        row = report.rows("pcm")[report.linked(zone, "pcm", "pcm")]
        assert (zone["name"], zone["state"], row["state"], row["card_id"]) == (room, "playing", "RUNNING", room)
        assert report.linked(row, "board", "board") == f"1-{ROOMS.index(room) + 1}"
        sound = venue.hear(room)
        assert sound["hertz"] == pytest.approx([hertz(room)] * 2, abs=1)
        assert sound["level"] == pytest.approx([LEVEL] * 2, abs=0.1)


@contextlib.contextmanager
def zones(folder: Path, rooms: tuple[str, ...]) -> Iterator[Zones]:
    """Running players of these rooms."""
    with mopidies(folder, rooms, lambda room: f"alsasink device=hw:CARD={room}") as servers:
        yield Zones(servers, folder)
