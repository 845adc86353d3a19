"""What is down stays in the venue; what was uninstalled leaves it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from backends.audio.mopidy import source as mopidy
from backends.audio.mpd import source as mpd
from backends.containers import lxd
from backends.contract import Context, source_id
from backends.programs import is_installed, program_in, program_of
from backends.runtime import SourceIO

ADDRESS = "127.0.0.1:6681"


@pytest.mark.parametrize(
    ("argv", "program"),
    [
        (["/usr/bin/python3", "/usr/bin/mopidy", "--config", "a"], "/usr/bin/mopidy"),
        (["/opt/venv/bin/mopidy"], "/opt/venv/bin/mopidy"),
        (["python3", "-m", "mopidy"], ""),  # nothing of that name is on the path here, or it is found there
        (["vim", "mopidy.conf", "x", "/usr/bin/mopidy"], ""),
        ([], ""),
    ],
)
def test_which_file_a_process_runs(argv: list[str], program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.programs.shutil.which", lambda word: None)
    assert program_in(argv, "mopidy") == program


def test_the_program_of_a_process() -> None:
    name = Path(sys.orig_argv[0]).name
    assert Path(program_of(os.getpid(), name)).name == name
    assert program_of(2**30, name) == ""
    assert program_of("?", name) == ""


@pytest.mark.parametrize("name", ["mopidy", "mpd"])
async def test_a_player_that_is_down_stays_until_its_program_is_gone(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = tmp_path / name
    player.touch()
    known: mopidy.MopidySource | mpd.MpdSource
    if name == "mopidy":
        monkeypatch.setattr(mopidy, "USUAL_PORTS", ())
        known, settings, discover = (
            mopidy.MopidySource("h", f"http://{ADDRESS}"), mopidy.Settings(processes=False), mopidy.discover,
        )  # fmt: skip
    else:
        monkeypatch.setattr(mpd, "USUAL_PORTS", ())
        known, settings, discover = mpd.MpdSource("h", ADDRESS), mpd.Settings(), mpd.discover
    known.program = str(player)
    context, io = Context("h", settings, {}, (known,)), SourceIO("test")
    assert [source_id(each) for each in await discover(context, io)] == [source_id(known)]
    player.unlink()
    assert list(await discover(context, io)) == []
    known.program = ""  # which was never seen
    assert is_installed(known.program)
    assert [source_id(each) for each in await discover(context, io)] == [source_id(known)]
    io.close()


async def test_an_lxd_that_is_down_stays_until_its_folder_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "lxd"
    folder.mkdir()
    socket = str(folder / "unix.socket")
    monkeypatch.setattr(lxd, "USUAL", (socket,))
    known = lxd.LxdSource("h", socket)
    io = SourceIO("test")
    found = [list(await lxd.discover(Context("h", lxd.Settings(), {}, each), io)) for each in ((), (known,))]
    assert [[source_id(one) for one in each] for each in found] == [[], [source_id(known)]]
    folder.rmdir()
    assert list(await lxd.discover(Context("h", lxd.Settings(), {}, (known,)), io)) == []
