"""What Mopidy's configuration files and its command line mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from backends.audio.mopidy.config import config_files, frontend_of, merged, output_of, restores, zone_name
from backends.contract import Unknown, Why
from backends.helper.players import is_mopidy


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
    assert is_mopidy(line.split()) is yes
