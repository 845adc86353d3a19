"""What other users leave on this machine is neither waited for nor believed."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from backends import foreign
from backends.audio import log_follower
from backends.audio.endpoints import whose
from backends.audio.mopidy import config, players, process
from backends.audio.mopidy.client import is_http
from backends.audio.mopidy.source import Settings, discover
from backends.audio.mpd import restart as mpd_restart
from backends.audio.mpd.config import settings
from backends.audio.pulse import source as pulse
from backends.contract import Context, State, Unknown, Why
from backends.foreign import is_address, read_file, stranger
from backends.runtime import SourceIO
from console.config import ConfigError, load
from tests.patience import until
from tests.strangers import STRANGER, player


@pytest.fixture(params=["fifo", "folder", "full", "zero", "tty", "large", "loop", "gone"])
def bad(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A path at which there is no file that can be read."""
    path, device = tmp_path / "bad", {"full": "/dev/full", "zero": "/dev/zero", "tty": "/dev/tty"}
    match request.param:
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "large":
            path.write_bytes(bytes((1 << 20) + 1))
        case "loop":
            path.symlink_to(path)
        case "gone":
            pass
        case name:
            path.symlink_to(device[name])
    return path


def test_what_is_no_small_regular_file_is_refused_at_once(bad: Path) -> None:
    with pytest.raises(OSError, match="bad"):
        read_file(bad)


def test_no_reader_of_others_files_is_held_up_by_one(
    bad: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(config.merged([bad]), Unknown)
    if not bad.is_dir():
        (tmp_path / "conf.d").mkdir()
        (tmp_path / "conf.d/x.conf").symlink_to(bad)
        assert isinstance(config.merged([tmp_path / "conf.d"]), Unknown)
    assert isinstance(settings(bad), Unknown)
    follower = log_follower.Follower(log_follower.LogPlace(str(bad)))
    follower.look()
    assert follower.trouble is None if bad.is_file() else isinstance(follower.trouble, Unknown)
    monkeypatch.setenv("FOH_VENUE", str(bad))
    with pytest.raises(ConfigError, match="bad"):
        load()
    bad.rename(tmp_path / "pid") if bad.exists() else None
    assert not pulse.runs(tmp_path)


def test_a_regular_file_is_read_whole_up_to_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 100)
    assert read_file(file, 100) == b"x" * 100
    with pytest.raises(OSError, match="more than 99 bytes"):
        read_file(file, 99)


def test_a_line_of_blanks_costs_a_configuration_s_reader_no_more_than_its_length(tmp_path: Path) -> None:
    """configparser's own pattern takes minutes for this line: the test would run into its limit."""
    (tmp_path / "bar.conf").write_text(f"[audio]\nx{' ' * 200_000}y\n")
    assert isinstance(config.merged([tmp_path / "bar.conf"]), Unknown)
    (tmp_path / "bar.conf").write_text("[audio]\noutput = alsasink   device=bar\n  more\n\n[http]\nport  =  6681\n")
    read = config.merged([tmp_path / "bar.conf"])
    assert not isinstance(read, Unknown)
    assert (read["audio"]["output"], read["http"]["port"]) == ("alsasink device=bar\nmore", "6681")


@pytest.mark.parametrize(
    ("text", "is_one"),
    {
        "127.0.0.1:6680": True, "bar-1.example:1": True, "[::1]:65535": True,
        "": False, ":": False, ":6680": False, "bar:": False, "bar": False, "bar:0": False, "bar:65536": False,
        "bar:١": False, "a[b:6680": False, "[a:6680": False, "[::1%eth0]:80": False, "[]:80": False, "-h:80": False,
        "a\x1b[2Jb:80": False, "a\nb:80": False, "a b:80": False, "a@b:80": False, "a/b:80": False, "a\0:80": False,
        "x" * 254 + ":80": False, "bar:6680\n": False, "bar:" + "9" * 5000: False,
    }.items(),
)  # fmt: skip
def test_an_address_is_a_host_and_a_port_and_nothing_else(text: str, is_one: bool) -> None:
    assert is_address(text) is is_one
    if not set(text) & set("/@"):  # what a URL may have besides
        assert is_http(f"http://{text}") is (is_one or text == "bar")


@pytest.mark.parametrize(
    ("uid", "trusted"), [(0, True), (999, True), (61184, True), (65519, True), (1000, False), (65534, False)]
)
def test_whose_processes_are_configuration(monkeypatch: pytest.MonkeyPatch, uid: int, trusted: bool) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert foreign.is_trusted(uid) is trusted
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    assert foreign.is_trusted(uid)


def test_a_stranger_s_process_is_no_configuration(tmp_path: Path) -> None:
    file = tmp_path / "bar.conf"
    file.write_text("[audio]\noutput = alsasink\n[http]\nport = 6699\n[mpd]\nport = 6698\n")
    with player("--config", str(file), uid=STRANGER) as theirs, player("--config", str(file)) as ours:
        assert stranger(psutil.Process(theirs)) == f"user {STRANGER}"
        assert players._player(theirs) is None
        seen = process.of(theirs)
        assert isinstance(seen.output, Unknown)
        assert seen.output.why is Why.DENIED
        assert (seen.name, seen.mpd, seen.config) == ("", "", "")
        assert f"{theirs}, of user {STRANGER}" in [each.raw for each in seen.evidence(0)]
        where = log_follower.place(theirs)
        assert isinstance(where, Unknown)
        assert f"user {STRANGER}" in where.detail
        assert isinstance(mpd_restart.configured(theirs), Unknown)
        assert (whose(theirs), whose(ours)) == (f"user {STRANGER}", "")
        known = players._player(ours)
        assert known is not None
        assert known.http == "127.0.0.1:6699"
        assert process.of(ours).output == "alsasink"


async def test_one_bad_address_is_a_sentence_and_the_others_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(players, "_players", players._Players())
    good, bad = tmp_path / "good.conf", tmp_path / "bad.conf"
    good.write_text("[http]\nport = 6699\n")
    bad.write_text("[http]\nhostname = a[b\x1b[2J\n")
    with player("--config", str(good)), player("--config", str(bad)) as wrong:
        until(lambda: {each.http for each in players._players.now()} >= {"127.0.0.1:6699", ""})
        found = {each.name: each for each in await discover(Context("h", Settings()), SourceIO("d"))}
        assert "mopidy 127.0.0.1:6699" in found
        watching = found[f"mopidy process {wrong}"].watch(SourceIO("s"))
        health = (await anext(watching)).health
        await watching.aclose()
    assert health.state is State.WRONG
    assert f"process {wrong}" in health.sentence
    assert health.sentence.isprintable()
