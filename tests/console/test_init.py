"""The venue file that `foh init` writes can be read again, whatever things are called; the old one is kept."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backends.contract import Id, clean
from backends.kinds import ZONE, Zone
from console import config
from console.config import ConfigError
from console.inventory import Unwritable, venue_toml, write
from console.venue.journal import Journal
from console.venue.state import VenueState
from console.venue.venue import Venue
from tests.console.test_cli import foh

BEFORE = "# ours\nhost = 'h' # it\n[names]\n'zone/old' = 'the bar'\n"
names = st.text(min_size=1, max_size=40)


def written(before: str, zones: dict[str, str], host: str = "h") -> str:
    loaded = config.of_table(tomllib.loads(before), None, before, {"FOH_HOST": host, "FOH_STATE": "/nowhere"})
    venue = Venue(VenueState(loaded.host), Journal(Path("/nowhere/j")))
    venue.state.add_kinds((ZONE,))
    for local, name in zones.items():
        id = Id(loaded.host, "zone", local)
        venue.state.current[id] = Zone(id=id, name=name, state="playing")
    return venue_toml(venue, loaded)


@given(st.dictionaries(names, names, max_size=4), st.sampled_from(["", BEFORE]), names)
@example({"a": "bar 🎺"}, "", "h")
@example({"a🎺\x00\x7f\"'\\\n": "\ud7ff\x1b\x85\u2028\"'''\\"}, BEFORE, "🎺")
def test_any_name_is_read_again_as_it_was_written(zones: dict[str, str], before: str, host: str) -> None:
    zones = {clean(local, 200): name for local, name in zones.items()}  # as the first wall leaves it
    text = written(before, zones, host)
    table = tomllib.loads(text)
    again = config.of_table(table, None, text, {"FOH_STATE": "/nowhere"})
    assert again.host == clean(host, 60).replace("/", "-")
    assert {(id.kind, id.local) for id in again.expected} == {("zone", local) for local in zones}
    for local, name in zones.items():
        assert local == name or again.venue.names[f"zone/{local}"] == name
    assert again.venue.names.get("zone/old", "the bar") == "the bar"


def test_what_cannot_be_read_again_replaces_nothing(tmp_path: Path) -> None:
    file = tmp_path / "venue.toml"
    file.write_text(BEFORE)
    for bad in ("host = ", "host = 3", "inventory = ['zone']", "host = '\ud800'"):
        with pytest.raises(Unwritable):
            write(file, bad)
    assert file.read_text() == BEFORE
    assert list(tmp_path.iterdir()) == [file]


def test_the_old_files_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "venue.toml"
    assert write(file, "host = 'a'\n") is None
    file.chmod(0o600)
    texts = {file.with_name("venue.toml.bak"): "host = 'a'\n"}
    assert write(file, "host = 'b'\n") in texts
    assert write(file, "host = 'b'\n") is None  # nothing has changed
    assert {kept: kept.read_text() for kept in texts} == texts
    assert write(file, "host = 'c'\n")
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(each.read_text() for each in file.parent.iterdir()) == [
        "host = 'a'\n",
        "host = 'b'\n",
        "host = 'c'\n",
    ]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.toml").write_text("host = 'a'\n")
    (tmp_path / "venue.toml").symlink_to("real.toml")
    write(tmp_path / "venue.toml", "host = 'b'\n")
    assert (tmp_path / "venue.toml").is_symlink()
    assert (tmp_path / "real.toml").read_text() == "host = 'b'\n"


def test_init_writes_the_file_that_is_named_before_it_exists(tmp_path: Path) -> None:
    file = tmp_path / "new" / "venue.toml"
    said = foh(tmp_path, "init", "--demo", "--yes", FOH_VENUE=str(file))
    assert (said.returncode, said.stderr) == (0, "")
    assert config.load({"FOH_VENUE": str(file)}).host == "venue1"
    there = foh(tmp_path, "init", "--yes", FOH_VENUE=str(tmp_path / "other.toml"), FOH_HOST="bar 🎺")
    assert (there.returncode, there.stderr) == (0, "")
    assert config.load({"FOH_VENUE": str(tmp_path / "other.toml")}).host == "bar 🎺"
    again = foh(tmp_path, "init", "--yes", FOH_VENUE=str(tmp_path / "other.toml"))
    assert (again.returncode, again.stderr) == (0, "")
    with pytest.raises(ConfigError, match="no such file"):
        config.load({"FOH_VENUE": str(tmp_path / "none.toml")})
