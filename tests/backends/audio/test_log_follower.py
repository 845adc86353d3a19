"""Following a log: a file that grows, turns over and goes, and systemd's journal as journalctl tells it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from backends.audio.log_follower import TAIL, Follower, LogPlace, place
from backends.contract import Unknown, Why
from backends.runtime import SourceIO
from tests.patience import BOUND, until_async

JOURNALS = "/usr/lib/systemd/systemd-journal-remote"


def trouble(follower: Follower) -> str:
    return follower.trouble.detail if follower.trouble else ""


def texts(follower: Follower) -> list[str]:
    return [line.text for line in follower.lines]


def test_a_file_is_followed_as_it_grows_turns_over_and_goes(tmp_path: Path) -> None:
    log = tmp_path / "bar.log"
    log.write_text("one\ntwo\nthr")
    follower = Follower(LogPlace(str(log)))
    follower.look()
    assert texts(follower) == ["one", "two"]
    with log.open("a") as more:
        more.write("ee\n")
    follower.look()
    follower.look()
    assert texts(follower) == ["one", "two", "three"]
    log.rename(tmp_path / "bar.log.1")
    follower.look()
    assert "No such file" in trouble(follower)
    log.write_text("four\n")
    follower.look()
    assert texts(follower)[-1] == "four"
    assert follower.trouble is None
    log.write_text("5\n")  # cut short and begun again
    follower.look()
    assert texts(follower)[-2:] == ["four", "5"]
    assert follower.count == 5


def test_a_large_file_is_entered_near_its_end(tmp_path: Path) -> None:
    log = tmp_path / "bar.log"
    log.write_text("x" * 79 + "\n" + ("y" * 79 + "\n") * (3 * TAIL // 80) + "last\n")
    follower = Follower(LogPlace(str(log)))
    follower.look()
    assert texts(follower)[-1] == "last"
    assert "x" not in "".join(texts(follower))


@pytest.mark.parametrize("kind", ["fifo", "folder", "gone"])
def test_what_is_no_file_is_said_and_holds_nobody(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "log"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    follower = Follower(LogPlace(str(path)))
    follower.look()
    assert trouble(follower)
    assert not follower.lines


def process(root: Path, cgroup: str = "0::/\n", **outputs: str) -> Path:
    """A process 7 in an invented /proc; `out` and `err` are what its outputs are."""
    fds = root / "7" / "fd"
    fds.mkdir(parents=True)
    (root / "7" / "cgroup").write_text(cgroup)
    for name, number in (("out", "1"), ("err", "2")):
        (fds / number).symlink_to(outputs.get(name, "/dev/null"))
    return root


UNIT = "0::/system.slice/system-mopidy.slice/mopidy@bar.service\n"
MINE = "1:name=systemd:/user.slice/user-1000.slice/user@1000.service/app.slice/mopidy.service\n"


@pytest.mark.parametrize(
    ("cgroup", "outputs", "where"),
    [
        (UNIT, {"err": "socket:[77]"}, LogPlace(unit="mopidy@bar.service")),
        (MINE, {"out": "socket:[77]"}, LogPlace(unit="mopidy.service", user=True)),
        (UNIT, {"err": "/var/log/bar.log"}, LogPlace("/var/log/bar.log")),
        ("0::/\n", {"out": "/var/log/bar.log"}, LogPlace("/var/log/bar.log")),
        ("0::/user.slice/session-3.scope\n", {"err": "socket:[77]"}, None),
        (UNIT, {"err": "/dev/pts/3", "out": "pipe:[9]"}, None),
    ],
)
def test_the_log_is_where_the_process_writes(
    tmp_path: Path, cgroup: str, outputs: dict[str, str], where: LogPlace | None
) -> None:
    found = place(7, process(tmp_path, cgroup, **outputs))
    assert (None if isinstance(found, Unknown) else found) == where


def test_a_process_that_has_gone_has_no_log(tmp_path: Path) -> None:
    found = place(8, tmp_path)
    assert isinstance(found, Unknown)
    assert found.why is Why.UNREACHABLE


class FromFile(LogPlace, frozen=True):
    """A journal in a file, read by the same command."""

    def journal(self) -> Sequence[str]:
        return (*super().journal(), f"--file={self.file_}")

    file_: str = ""


async def followed(follower: Follower) -> None:
    """Follows until there is something to say."""
    async with follower.following(SourceIO("bar")):
        await until_async(lambda: follower.lines or trouble(follower))


async def test_the_journal_of_a_unit_is_followed(tmp_path: Path) -> None:
    """Real journal files, written by systemd's own program, and the real journalctl."""
    journal = tmp_path / "bar.journal"

    def entry(unit: str, message: bytes, number: int) -> bytes:
        size = len(message).to_bytes(8, "little")
        return (
            f"__CURSOR=s={number}\n__REALTIME_TIMESTAMP={1764000000000000 + number}\n__MONOTONIC_TIMESTAMP={number}\n"
            f"_BOOT_ID={'a' * 32}\n_SYSTEMD_UNIT={unit}\nMESSAGE\n"
        ).encode() + size + message + b"\n\n"  # fmt: skip

    export = entry("mopidy@bar.service", b"ERROR mopidy.x: for us \xff", 1)
    export += entry("mopidy@foyer.service", b"ERROR mopidy.x: not for us", 2)
    subprocess.run([JOURNALS, f"--output={journal}", "-"], input=export, check=True, capture_output=True, timeout=BOUND)
    follower = Follower(FromFile(unit="mopidy@bar.service", file_=str(journal)))
    await followed(follower)
    assert [(line.at, line.text) for line in follower.lines] == [(1764000000.000001, "ERROR mopidy.x: for us \ufffd")]


class FromScript(LogPlace, frozen=True):
    """A journal that a shell script prints."""

    script: str = ""

    def journal(self) -> Sequence[str]:
        return ("sh", "-c", self.script)


async def test_a_journal_that_ends_is_followed_again(tmp_path: Path) -> None:
    """From its beginning, so that no line stands twice."""
    again = tmp_path / "again"
    one, two = (json.dumps({"MESSAGE": word}) for word in ("one", "two"))
    script = f"echo '{one}'; if [ -e {again} ]; then echo '{two}'; sleep 1000; else touch {again}; exit 3; fi"
    follower = Follower(FromScript(unit="bar", script=script))
    async with follower.following(SourceIO("bar")):
        await until_async(lambda: texts(follower) == ["one", "two"])
        assert follower.trouble is None


async def test_a_journal_that_cannot_be_followed_is_said_for_as_long_as_it_is_so() -> None:
    follower = Follower(FromFile(unit="mopidy@bar.service", file_="/nonexistent.journal"))
    await followed(follower)
    assert "journal of mopidy@bar.service" in trouble(follower)
    follower.place = FromFile(unit="mopidy@bar.service", file_="/dev/null")
    async with follower.following(SourceIO("bar")):
        await asyncio.sleep(0)
        assert follower.trouble is None


async def test_a_file_system_that_hangs_is_said_and_holds_up_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "bar.log"
    log.write_text("one\n")
    monkeypatch.setattr("backends.audio.log_follower.ANSWER", 0.2)
    monkeypatch.setattr("backends.audio.log_follower.EVERY", 0.1)
    answers = threading.Event()
    follower, io = Follower(LogPlace(str(log))), SourceIO("bar")
    look = follower.look
    monkeypatch.setattr(follower, "look", lambda: (answers.wait(), look()))
    async with follower.following(io):
        await until_async(lambda: "does not answer" in trouble(follower))
        assert await io.thread(lambda: "well") == "well"
        answers.set()
        await until_async(lambda: follower.trouble is None and texts(follower))
        assert (follower.trouble, texts(follower)) == (None, ["one"])
