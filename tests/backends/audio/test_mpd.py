"""What MPD's answers mean, and what an action is. Tables, no I/O."""

from __future__ import annotations

from typing import Any

import pytest

from backends.audio.mpd import model
from backends.audio.mpd.source import Settings
from backends.contract import Id, Refused, Unknown
from backends.kinds import PROCESS, Zone

ID = Id("h", "zone", "127.0.0.1:6600")
STATUS = {
    "volume": "40", "state": "play", "song": "0", "songid": "1", "elapsed": "12.731", "duration": "119.9",
    "playlistlength": "3", "nextsong": "1",
}  # fmt: skip
SONG = {"file": "a.flac", "title": "A", "artist": "B", "id": "1"}
OUTPUTS = [{"outputid": "0", "outputname": "bar", "plugin": "alsa", "outputenabled": "1"}]


def said(**status: str | None) -> model.Said:
    return model.said({k: v for k, v in (STATUS | status).items() if v is not None}, SONG, OUTPUTS)


def zone(of: model.Said) -> Zone:
    return model.zone(ID, of, "0.23.5", Unknown(), 0, 0, 1000.0)


@pytest.mark.parametrize(
    ("status", "field", "value"),
    [
        ({}, "state", "playing"),
        ({"state": "stop", "elapsed": None}, "position", 0),
        ({}, "position", 12),
        ({"volume": "-1"}, "volume", Unknown),
        ({"volume": None}, "volume", Unknown),
        ({"duration": None}, "length", Unknown),
        ({"state": "dancing"}, "state", Unknown),
        ({"elapsed": "\x1b[2J"}, "position", Unknown),
        ({}, "track", "#1 a.flac"),
        ({}, "output", "bar (alsa)"),
        ({}, "fault", Unknown),
        ({"error": 'Failed to open "bar" (alsa); Failed to open ALSA device "hw:0": No such device'}, "fault",
         "device cannot be opened"),
        ({"error": 'Failed to open "bar" (alsa); ... : Device or resource busy'}, "fault", "device busy"),
        ({"error": 'Failed to play on "bar" (alsa): No such device'}, "fault", "device lost"),
        ({"error": "Decoder failed"}, "fault", Unknown),
    ],
)  # fmt: skip
def test_an_answer_becomes_a_zone(status: dict[str, Any], field: str, value: Any) -> None:
    found = getattr(zone(said(**status)), field)
    assert isinstance(found, Unknown) if value is Unknown else found == value


def test_several_values_of_a_tag_stand_side_by_side_and_hostile_ones_are_tamed() -> None:
    of = model.said(STATUS, {"file": "a", "title": "\x1b]0;x\x07", "artist": ["A", "B"], "id": "1"}, OUTPUTS)
    assert (zone(of).artist, str(zone(of).title).isprintable()) == ("A, B", True)


def test_a_stranger_s_zone_says_whose_it_is() -> None:
    found = model.zone(ID, model.said({}, {}, []), "0.23.5", 7, 0, 0, 1000.0, "eva")
    assert [each.raw for each in found.proof(PROCESS)] == ["7, of eva"]


def test_without_a_track_nothing_is_made_up() -> None:
    empty = zone(model.said({"state": "stop", "volume": "1", "playlistlength": "0"}, {}, []))
    assert {type(getattr(empty, name)) for name in ("title", "artist", "track", "position", "length")} == {Unknown}


@pytest.mark.parametrize("answers", [(None, {}, []), ({}, [], []), ({}, {}, None)])
def test_what_is_no_answer_is_no_mpd(answers: Any) -> None:
    with pytest.raises(ValueError, match="not as MPD"):
        model.said(*answers)


@pytest.mark.parametrize(
    ("status", "action", "command"),
    [
        ({"state": "stop"}, "play", ("play",)),
        ({"state": "pause"}, "play", ("pause", "0")),
        ({}, "pause", ("pause", "1")),
        ({}, "stop", ("stop",)),
        ({}, "next", ("next",)),
        ({"song": "1"}, "previous", ("previous",)),
    ],
)
def test_an_action_is_a_command(status: dict[str, Any], action: str, command: tuple[str, ...]) -> None:
    of = said(**status)
    assert model.work_out(zone(of), of, action, {})[0] == [command]


@pytest.mark.parametrize(
    ("status", "action", "args"),
    [
        ({}, "play", {}),
        ({"state": "stop", "playlistlength": "0"}, "play", {}),
        ({"state": "stop"}, "pause", {}),
        ({"state": "pause"}, "again", {}),
        ({"state": "stop"}, "next", {}),
        ({"nextsong": None}, "next", {}),
        ({}, "previous", {}),
        ({}, "volume", {"percent": "40"}),
        ({}, "volume", {"percent": "1e1"}),
        ({"volume": None}, "volume", {"percent": "4"}),
        ({}, "release", {}),
    ],
)
def test_what_would_do_nothing_is_refused(status: dict[str, Any], action: str, args: dict[str, str]) -> None:
    of = said(**status)
    with pytest.raises(Refused):
        model.work_out(zone(of), of, action, args)


def test_mopidys_frontend_is_told_by_its_output() -> None:
    assert model.is_mopidy([{"outputid": "0", "outputname": "Mute", "outputenabled": "0"}])
    assert not model.is_mopidy(OUTPUTS)
    assert not model.is_mopidy([])


@pytest.mark.parametrize("endpoint", ["6600", "127.0.0.1", "http://127.0.0.1:6600", "a/b:1", "h:0", "h:x"])
def test_what_is_no_address_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:6600"):
        Settings([endpoint])
