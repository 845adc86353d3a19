"""Starts the embedded venue as a child process and reads from it where everything is."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import json
import os
import select
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.interpreter import FOLDER, python

if TYPE_CHECKING:
    from console.config import Config

PREFIX, LOCK = "foh-demo-", ".lock"
START = 10.0  # seconds until it must have said where it listens


class Embedded:
    """The embedded venue's process. It ends when its standard input closes, so it never outlives this one, and
    takes its folder with it."""

    def __init__(self, still: bool = False, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        in_memory = "/dev/shm" if "TMPDIR" not in environ and os.access("/dev/shm", os.W_OK) else None
        self.folder = tempfile.mkdtemp(prefix=PREFIX, dir=in_memory)  # 500 files, made before anything listens
        self._lock: int | None = _locked(Path(self.folder))
        argv = python("backends.demo", self.folder, *(["--still"] if still else []))
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
            cwd=FOLDER, pass_fds=(self._lock,),
        )  # fmt: skip
        self._table: dict[str, Any] = {}
        atexit.register(self.close)

    def close(self) -> None:
        """Lets it end and clean up, for as long as an operator would wait. On a slow machine it ends a little later,
        by itself, as it does when this process is killed: to kill it here could leave its folder."""
        assert self.process.stdin
        self.process.stdin.close()
        if self._lock is not None:
            os.close(self._lock)  # the process has its own
            self._lock = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.4)
            shutil.rmtree(self.folder, ignore_errors=True)  # in case it was killed before it could

    def config(self) -> Config:
        """The configuration as the venue file would hold it. Blocks until the servers listen. Raises ConfigError."""
        from msgspec import structs  # after the first frame

        from console.config import ConfigError, of_table

        assert self.process.stdout
        sweep(Path(self.folder).parent)
        if not self._table:
            ready, _, _ = select.select([self.process.stdout], [], [], START)
            line = self.process.stdout.readline() if ready else b""
            if not line:
                raise ConfigError("the embedded venue did not start; `foh doctor` says what is missing")
            self._table = json.loads(line)
        state = self._environ.get("FOH_STATE") or f"{self.folder}/state"
        return structs.replace(of_table(dict(self._table), None, "", {"FOH_STATE": state}), embedded=True)


def _locked(folder: Path) -> int:
    """Marks a folder as in use, for as long as this process or the one that is given the descriptor lives."""
    lock = os.open(folder / f"{LOCK}.new", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    (folder / f"{LOCK}.new").rename(folder / LOCK)  # so that there is none that is not held
    return lock


def sweep(place: Path) -> None:
    """Removes the folders of this user's embedded venues that were killed with everything that would have removed
    them. Blocking."""
    for folder in place.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, in use, or just removed
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                continue
            lock = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
