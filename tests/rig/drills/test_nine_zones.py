"""Nine real Mopidy servers at once, each playing to its own room, unharmed by a console."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rig.devices.venue import ROOMS
from tests.rig.drills.console import Foh
from tests.rig.drills.undisturbed import undisturbed
from tests.rig.drills.venue import Venue
from tests.rig.drills.zones import Zones, joined, pcm, zones

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def players(emulator: Venue, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zones]:
    emulator.go_home()
    with zones(tmp_path_factory.mktemp("nine"), ROOMS) as started:
        yield started


@pytest.fixture
def music(calm: Venue, players: Zones, foh: Foh) -> Zones:
    players.quiet()
    foh.configure(players.venue_file())
    return players


def test_nine_zones_lose_nothing_to_the_console(calm: Venue, music: Zones, foh: Foh) -> None:
    music.play_numbered()
    undisturbed(calm, foh, 30)
    assert {pcm(room) for room in ROOMS} == {"RUNNING"}


def test_every_zone_is_joined_to_the_board_that_sounds(calm: Venue, music: Zones, foh: Foh) -> None:
    joined(calm, music, foh)
