"""What Mopidy's JSON means, and when a zone that was read from it counts as silent."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from msgspec import structs

from backends.audio import endpoints
from backends.audio.endpoints import listener
from backends.audio.mopidy import model
from backends.audio.mopidy.config import config_files, frontend_of, is_server, merged, output_of, restores, zone_name
from backends.audio.mopidy.process import PlayerProcess
from backends.audio.rules import mixer_silent, stalled
from backends.contract import Gone, Id, Key, Refused, Resource, Unknown, Why
from backends.kinds import Board, Control, Pcm, Zone
from tests.backends.worlds import FakeView
from tests.patience import until

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


@pytest.mark.parametrize(
    ("argv", "files"),
    [
        (["python3", "/usr/bin/mopidy", "--config", "a:b/c.conf"], ["a", "b/c.conf"]),
        (["mopidy", "--config=x.conf"], ["x.conf"]),
        (["mopidy", "--config"], []),
        (["mopidy"], []),
    ],
)
def test_its_configuration_files(argv: Sequence[str], files: list[str]) -> None:
    assert config_files(argv) == files


def test_later_files_win_and_the_command_line_over_them(tmp_path: Path) -> None:
    first, second, folder = tmp_path / "mopidy.conf", tmp_path / "bar.conf", tmp_path / "conf.d"
    folder.mkdir()
    (folder / "x.conf").write_text("[audio]\noutput = fakesink\n")
    first.write_text("[audio]\noutput = autoaudiosink ; a comment\n")
    second.write_text("[audio]\noutput = alsasink device=bar\n")
    assert output_of(merged([folder]), []) == "fakesink"
    assert output_of(merged([folder, first]), []) == "autoaudiosink"
    assert output_of(merged([first, second]), []) == "alsasink device=bar"
    assert output_of(merged([first, second]), ["-o", "audio/output=other"]) == "other"
    unknown = output_of(merged([tmp_path / "none.conf"]), [])
    assert isinstance(unknown, Unknown)
    (tmp_path / "bad.conf").write_text("no section\n")
    bad = output_of(merged([tmp_path / "bad.conf"]), [])
    assert isinstance(bad, Unknown)
    assert bad.why is Why.MALFORMED
    assert [zone_name(files) for files in ([first], [first, second], [])] == ["", "bar", ""]


@pytest.mark.parametrize(
    ("section", "address"),
    [
        ("", ""),
        ("[mpd]\n", "127.0.0.1:6600"),
        ("[mpd]\nhostname = ::\nport = 6601 ; the bar\n", "127.0.0.1:6601"),
        ("[mpd]\nhostname = 10.0.0.7\n", "10.0.0.7:6600"),
        ("[mpd]\nenabled = False\n", ""),
        ("[mpd]\nhostname = unix:/run/mpd\n", ""),
        ("[mpd]\nport = many\n", ""),
    ],
)
def test_where_phones_should_reach_it(tmp_path: Path, section: str, address: str) -> None:
    (tmp_path / "bar.conf").write_text("[audio]\noutput = fakesink\n" + section)
    assert frontend_of(merged([tmp_path / "bar.conf"]), [], "mpd", "") == address
    assert frontend_of(merged([tmp_path / "none.conf"]), [], "mpd", "") == ""


@pytest.mark.parametrize(
    ("section", "options", "address"),
    [
        ("", [], "127.0.0.1:6680"),
        ("[http]\nport = 6684\nhostname = localhost\n", [], "127.0.0.1:6684"),
        ("[http]\nhostname = ::1\n", [], "[::1]:6680"),
        ("[http]\nport = 6684\n", ["-o", "http/port=6685"], "127.0.0.1:6685"),
        ("", ["-o", "http/enabled=false"], ""),
    ],
)
def test_where_its_http_frontend_should_listen(tmp_path: Path, section: str, options: list[str], address: str) -> None:
    (tmp_path / "bar.conf").write_text("[audio]\noutput = fakesink\n" + section)
    assert frontend_of(merged([tmp_path / "bar.conf"]), options, "http", "6680") == address


@pytest.mark.parametrize(
    ("section", "options", "kept"),
    [
        ("[core]\nrestore_state = true\n", [], True), ("[core]\nrestore_state = off\n", [], False),
        ("[http]\nport = 1\n", [], False), ("[http]\nport = 1\n", ["-o", "core/restore_state=true"], True),
        ("[core]\nrestore_state = true\n", ["-o", "core/restore_state=no"], False), ("", [], None),
        ("", ["-o", "core/restore_state=1"], True),
    ],
)  # fmt: skip
def test_whether_it_keeps_its_queue(tmp_path: Path, section: str, options: list[str], kept: bool | None) -> None:
    (tmp_path / "a.conf").write_text(section)
    said = restores(merged([tmp_path / "a.conf"]), ["mopidy", *options])
    assert said is kept if kept is not None else isinstance(said, Unknown)


@pytest.mark.parametrize(
    ("line", "yes"),
    [
        ("/usr/bin/python3 /usr/bin/mopidy --config /etc/mopidy/mopidy.conf", True),
        ("python3 -m mopidy -o http/port=1 -v", True),
        ("mopidy", True),
        ("/usr/bin/python3 /usr/bin/mopidy --config a.conf config", False),
        ("mopidy local scan", False),
        ("tail -f /var/log/mopidy", False),
        ("vi /etc/mopidy/mopidy.conf", False),
        ("", False),
    ],
)
def test_a_server_is_told_from_its_commands(line: str, yes: bool) -> None:
    assert is_server(line.split()) is yes


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


FADER = Control(id=Id("h", "control", "zone1/Master"), name="zone1", device="zone1", level=40, mute=False)
REFUSED = Unknown(Why.UNREACHABLE, "Connection refused", False)


@pytest.mark.parametrize(
    ("control", "codes"),
    [
        (FADER, []),
        (structs.replace(FADER, mute=REFUSED), ["MIXER-UNREACHABLE"]),
        (structs.replace(FADER, mute=Unknown(Why.NOT_APPLICABLE)), []),
        (structs.replace(FADER, mute=REFUSED, device=REFUSED), []),  # the source is unwell: said there, once
        (Gone(FADER.id, FADER, 1.0), []),
    ],
)
def test_a_mixer_that_does_not_answer(control: Control | Gone, codes: list[str]) -> None:
    past: list[tuple[float, Resource]] = [] if isinstance(control, Gone) else [(60, control)]
    view = FakeView(past={FADER.id: past})
    assert [finding.code for finding in mixer_silent(control, view).findings] == codes


@pytest.mark.parametrize(("past", "undecided"), [([], True), ([(1.0, FADER)], False)])
def test_a_mixer_that_does_not_answer_for_a_moment(past: list[tuple[float, Resource]], undecided: bool) -> None:
    """As while its card leaves with its board."""
    control = structs.replace(FADER, mute=REFUSED)
    verdict = mixer_silent(control, FakeView(past={FADER.id: past}))
    assert (verdict.findings, verdict.undecided, verdict.recheck_at) == ((), undecided, 1002.0)


def test_one_search_for_listeners_answers_all_who_asked_before_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    searches, searched, asking = [0], psutil.net_connections, list[int]()

    def search(kind: str) -> Any:
        searches[0] += 1
        until(lambda: sum(map(waits, asking)) == 4 or searches[0] > 1, "the others have asked as well")
        return searched(kind)

    def ask(address: str) -> object:
        asking.append(threading.get_ident())
        return listener(address)

    def waits(thread: int) -> bool:
        frame = sys._current_frames().get(thread)
        return frame is not None and frame.f_code.co_filename == endpoints.__file__

    monkeypatch.setattr(psutil, "net_connections", search)
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as pool:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert set(pool.map(ask, [address] * 5)) == {os.getpid()}
        assert searches[0] == 2
        assert listener(address) == os.getpid()
        assert searches[0] == 3, "what was found before somebody asked may no longer be so"
