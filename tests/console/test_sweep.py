"""What a killed demo leaves is swept by the next start, and nothing else is."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import pytest

from console.embedded import LOCK, PREFIX, Embedded, sweep
from tests.patience import until


def demo(place: Path) -> Embedded:
    return Embedded(True, {"TMPDIR": str(place), "FOH_STATE": str(place / "state")})


def folders(place: Path) -> set[str]:
    return {str(each) for each in place.glob(f"{PREFIX}*")}


def test_the_folder_of_a_killed_demo_goes_and_that_of_a_living_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    first, second = demo(tmp_path), demo(tmp_path)
    first.config()
    second.config()
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    assert first._lock is not None
    os.close(first._lock)  # as if this process had been killed as well
    first._lock = None
    assert folders(tmp_path) == {first.folder, second.folder}
    third = demo(tmp_path)
    third.config()
    assert folders(tmp_path) == {second.folder, third.folder}
    for each in (second, third):
        each.close()
    until(lambda: folders(tmp_path) == set())


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / LOCK).touch()
    place = tmp_path / "tmp"
    place.mkdir()
    (place / f"{PREFIX}link").symlink_to(elsewhere)
    (place / f"{PREFIX}fresh").mkdir()  # no lock yet: it is being made
    (place / f"{PREFIX}fifo").mkdir()
    os.mkfifo(place / f"{PREFIX}fifo" / LOCK)
    (place / f"{PREFIX}theirs").mkdir()
    (place / f"{PREFIX}theirs" / LOCK).touch()
    os.chown(place / f"{PREFIX}theirs", 12345, 12345)
    (place / f"{PREFIX}dead").mkdir()
    (place / f"{PREFIX}dead" / LOCK).touch()
    before = folders(place)
    sweep(place)
    assert before - folders(place) <= {str(place / f"{PREFIX}dead"), str(place / f"{PREFIX}fifo")}
    assert str(place / f"{PREFIX}dead") not in folders(place)
    assert (elsewhere / LOCK).exists()
