from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from backends.contract import Unknown, Why
from backends.hardware import usbfs


def named(path: str) -> set[str]:
    """Also where a sandbox hides a process from us."""
    said = usbfs.holders([path])[path]
    return set() if isinstance(said, Unknown) or said == usbfs.NOBODY else set(said.split(", "))


def test_whoever_has_a_file_open_is_named(tmp_path: Path) -> None:
    """Any file will do: what is asked is where the links of /proc/PID/fd lead."""
    wanted = tmp_path / "005"
    wanted.touch()
    assert named(str(wanted)) == set()
    argv = [sys.executable, "-c", f"f = open({str(wanted)!r}); print('open', flush=True); input()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program, wanted.open() as ours:
        assert program.stdout
        program.stdout.readline()
        names = [Path(f"/proc/{pid}/comm").read_text().strip() for pid in (program.pid, os.getpid())]
        assert named(str(wanted)) == {f"{names[0]} ({program.pid})", f"{names[1]} ({os.getpid()})"}
        ours.close()
        program.communicate(b"\n")
    assert named(str(wanted)) == set()


def test_what_may_not_be_looked_into_is_not_called_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for pid, target in (("7", "/dev/null"), ("8", usbfs.node(1, 5)), ("9", "/x")):
        (tmp_path / pid / "fd").mkdir(parents=True)
        (tmp_path / pid / "comm").write_text("a\x1b[2J\n")
        (tmp_path / pid / "fd/3").symlink_to(target)
    (tmp_path / "self").mkdir()
    fifth, sixth = usbfs.node(1, 5), usbfs.node(1, 6)
    assert usbfs.holders([fifth, sixth], tmp_path) == {fifth: "a␛[2J (8)", sixth: usbfs.NOBODY}
    real = os.scandir

    def denied(path: Path) -> object:
        if "9" in Path(path).parts:
            raise PermissionError
        return real(path)

    monkeypatch.setattr(os, "scandir", denied)
    said = usbfs.holders([fifth, sixth], tmp_path)
    assert said[fifth] == "a␛[2J (8)"
    assert isinstance(said[sixth], Unknown)
    assert said[sixth].why is Why.DENIED
    assert "1 processes" in said[sixth].detail
