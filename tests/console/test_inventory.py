"""`foh init` writes what is seen, and keeps what an operator wrote."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from backends.contract import Id, Observation, Resource
from backends.kinds import BOARD, OPERATION, PCM, ZONE, Board, Operation, Pcm, Zone
from console import config
from console.inventory import HEAD, venue_toml
from console.venue.journal import Journal
from console.venue.state import VenueState
from console.venue.venue import Venue
from tests import fleet

WRITTEN = """\
# our venue, since the flood
[mopidy]
endpoints = ["http://127.0.0.1:6681"]  # the bar

[names]
"zone/a" = "the bar"  # what Eva calls it
"""
LISTED = """\
inventory = [
  # the old ones
  "h/board/1-1",  # behind the bar
  "h/board/9-9",
  "h/zone/a",
]
host = "h"
"""
SEEN: tuple[Resource, ...] = (
    Zone(id=Id("h", "zone", "a"), name="bar"),
    Zone(id=Id("h", "zone", "b"), name='the "hall"'),
    Board(id=Id("h", "board", "1-1"), name="1-1"),
    Pcm(id=Id("h", "pcm", "x"), name="x"),
    Operation(id=Id("h", "operation", "y"), name="y"),
)
IDS = ["h/board/1-1", "h/zone/a", "h/zone/b"]


def written(folder: Path, text: str) -> str:
    table = tomllib.loads(text)
    here = Venue(VenueState("h"), Journal(folder / "j"))
    here.state.add_kinds((ZONE, BOARD, PCM, OPERATION))
    here.take([Observation(source=fleet.source("s", "h"), upserts=SEEN, at=1.0)])
    return venue_toml(here, config.of_table(table, folder / "venue.toml", text, {"FOH_HOST": "h"}))


@pytest.mark.parametrize("text", ["", WRITTEN, LISTED, LISTED + WRITTEN])
def test_what_is_seen_is_expected_and_what_was_written_stays(text: str, tmp_path: Path) -> None:
    said = written(tmp_path, text)
    read = tomllib.loads(said)
    assert sorted(read["inventory"]) == IDS
    assert read["host"] == "h"
    assert read["names"]["zone/b"] == 'the "hall"'
    assert read["names"]["zone/a"] == ("the bar" if WRITTEN in text else "bar")
    kept = [line.partition("#")[2] for line in text.splitlines() if "#" in line]
    assert all(comment in said for comment in kept), said
    assert (HEAD in said) == (text == "")
    assert read.get("mopidy") == tomllib.loads(text).get("mopidy")
    assert written(tmp_path, said) == said  # a second time changes nothing
