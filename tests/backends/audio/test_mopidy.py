"""What Mopidy's JSON means, and when a zone that was read from it counts as silent."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from backends.audio.mopidy import model
from backends.audio.mopidy.process import PlayerProcess
from backends.audio.rules import stalled
from backends.contract import Gone, Id, Key, Refused, Resource, Unknown, Why
from backends.kinds import Board, Pcm, Zone
from tests.backends.worlds import FakeView

BAR = Id("h", "zone", "127.0.0.1:6681")


def answers(**changes: Any) -> dict[str, Any]:
    track = {"uri": "file:///a.flac", "name": "A", "artists": [{"name": "B"}, {"name": "C"}], "length": 180000}
    said = {
        model.VERSION: "3.4.1",
        model.STATE: "playing",
        model.TRACK: {"__model__": "TlTrack", "tlid": 7, "track": track},
        model.STREAM: None,
        model.VOLUME: 40,
        model.MUTE: False,
        model.QUEUE: 2,
        model.POSITION: 42999,
    }
    return said | {getattr(model, name): value for name, value in changes.items()}


def read(**changes: Any) -> Zone:
    return model.zone(BAR, "http://127.0.0.1:6681", answers(**changes), PlayerProcess(4242, "alsasink"), 5.0)


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({}, "state", "playing"),
        ({}, "title", "A"),
        ({}, "artist", "B, C"),
        ({}, "position", 42),
        ({}, "length", 180),
        ({}, "track", "#7 file:///a.flac"),
        ({"STREAM": "Song number 1"}, "title", "Song number 1"),
        ({"TRACK": {"model": "TlTrack", "tlid": 1, "track": {"uri": "x:y", "name": None}}}, "title", "x:y"),
        ({"TRACK": None}, "title", Why.NOT_APPLICABLE),
        ({"TRACK": None}, "position", Why.NOT_APPLICABLE),
        ({"TRACK": {"tlid": 1, "track": {"uri": "http://radio"}}}, "length", Why.NOT_APPLICABLE),
        ({"VOLUME": None}, "volume", Why.NOT_APPLICABLE),
        ({"MUTE": None}, "soft_mute", Why.NOT_APPLICABLE),
        ({"STATE": "\x1b[2J"}, "state", Why.MALFORMED),
        *(({"POSITION": bad}, "position", Why.MALFORMED) for bad in ("soon", -1, True, float("inf"), float("nan"))),
        ({"TRACK": [1]}, "title", Why.NOT_APPLICABLE),
    ],
)
def test_a_zone_from_one_batch_of_answers(changes: dict[str, Any], field: str, value: object) -> None:
    got = getattr(read(**changes), field)
    assert (got.why if isinstance(got, Unknown) else got) == value


@pytest.mark.parametrize(
    "bad",
    [None, 3, "x", {}, [], [{}], [{"jsonrpc": "2.0", "id": 9, "result": 1}], [{"id": 0, "result": 1}]],
)
def test_what_is_no_answer_to_the_batch_is_not_mopidy(bad: object) -> None:
    with pytest.raises(ValueError, match="not as Mopidy"):
        model.results(bad, [model.STATE])


def test_an_error_is_told_in_mopidy_s_own_words() -> None:
    data = {"type": "ValidationError", "message": "Expected number smaller or equal to 100, not 150"}
    with pytest.raises(Refused, match="not 150"):
        model.result({"jsonrpc": "2.0", "id": 1, "error": {"code": 0, "message": "Application error", "data": data}})
    with pytest.raises(Refused, match="No object found"):
        model.result({"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "data": "No object found at 'core'"}})


@pytest.mark.parametrize(
    ("output", "device", "keys"),
    [
        ("alsasink device=zone1", "zone1", ["zone1", "zone1"]),
        ("alsasink device=hw:CARD=bar,DEV=0", "hw:CARD=bar,DEV=0", ["bar", "bar"]),
        ("alsasink device=hw:3", "hw:3", ["3", "3"]),
        ("queue ! alsasink sync=true device='plughw:bar' ! x", "plughw:bar", ["bar", "bar"]),
        ("autoaudiosink", None, []),
        ("pulsesink device=zone1", None, []),
    ],
)
def test_where_the_sound_goes(output: str, device: str | None, keys: list[str]) -> None:
    assert model.device_of(output) == device
    links = model.links(PlayerProcess(4242, output), "h")
    assert [link.to for link in links[:2]] == [Key("pcm-owner", "4242", "h"), Key("stream-owner", "4242", "h")]
    assert [link.to.value for link in links[2:]] == keys
    assert [link.relation for link in links[2:]] == ["pcm", "mixer"][: len(keys)]


# --- the rule ---------------------------------------------------------------------------------------------


NOW = structs.replace(read(), at=99.5)
HIDDEN = structs.replace(NOW, **dict.fromkeys(("state", "track", "position"), Unknown(Why.UNREACHABLE)))
BOARD = Gone(Id("h", "board", "1-1"), Board(id=Id("h", "board", "1-1"), name="1-1"), 96.0)
PCM = Pcm(id=Id("h", "pcm", "hw:bar,0"), name="bar")


def with_(**changes: Any) -> Zone:
    return structs.replace(NOW, **changes)


@pytest.mark.parametrize(
    ("zone", "past", "ends", "codes", "undecided"),
    [
        # stands still for 3 s, or as far back as is known
        (NOW, [(4, NOW)], {}, ["ZONE-STALLED"], False),
        (NOW, [(4, NOW), (9, with_(position=39))], {}, ["ZONE-STALLED"], False),
        (NOW, [(4, NOW)], {"pcm": PCM, "board": BOARD}, ["ZONE-STALLED"], False),
        # it moved since
        (NOW, [(1, NOW), (4, with_(position=39))], {}, [], False),
        (NOW, [(0, NOW), (1, with_(position=39)), (4, NOW)], {}, [], False),
        # not seen for so long; not asked again since; out of sight in between
        (NOW, [(2, NOW)], {}, [], True),
        (with_(at=90.0), [(4, NOW)], {}, [], True),
        (NOW, [(1, NOW), (4, HIDDEN), (9, NOW)], {}, [], True),
        # a track may take longer to begin, also one at the same place as what was stopped
        (NOW, [(4, NOW), (9, with_(state="stopped"))], {}, [], False),
        (NOW, [(4, NOW), (9, with_(track="#6 x"))], {}, [], False),
        (NOW, [(1, NOW), (2, with_(state="stopped")), (4, NOW)], {}, [], False),
        (NOW, [(4, NOW), (9, with_(jumps=1))], {}, [], False),
        (NOW, [(6, NOW), (9, with_(state="stopped"))], {}, ["ZONE-STALLED"], False),
        # says itself that it does not play, or nothing that can be judged
        (with_(state="paused"), [(4, with_(state="paused"))], {}, [], False),
        (with_(position=Unknown(Why.MALFORMED)), [(4, NOW)], {}, [], True),
        (with_(state=Unknown(Why.UNREACHABLE)), [(4, NOW)], {}, [], True),
        (Gone(NOW.id, NOW, 1.0), [], {}, [], False),
    ],
)
def test_playing_while_the_position_stands_still(
    zone: Zone | Gone, past: list[tuple[float, Resource]], ends: dict[str, Resource], codes: list[str], undecided: bool
) -> None:
    view = FakeView(100.0, {(NOW.id, relation): end for relation, end in ends.items()}, past={NOW.id: past})
    verdict = stalled(zone, view)
    assert ([finding.code for finding in verdict.findings], verdict.undecided) == (codes, undecided)
    if codes:
        assert verdict.findings[0].root == (BOARD.id if ends else NOW.id)
    if isinstance(zone, Zone) and zone.state == "playing" and not isinstance(zone.position, Unknown):
        assert verdict.recheck_at is not None
