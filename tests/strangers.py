"""Processes that look like players, of any user."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

STRANGER = 4242  # an ordinary user without a name


@contextlib.contextmanager
def player(*words: str, uid: int = 0) -> Iterator[int]:
    """The pid of a process that has a Mopidy's command line, and does nothing."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        script = Path(folder, "mopidy")
        script.write_text("import sys\nprint(flush=True)\nsys.stdin.read()\n")
        argv = [
            "setpriv",
            f"--reuid={uid}",
            f"--regid={uid}",
            "--clear-groups",
            "/usr/bin/python3",
            str(script),
            *words,
        ]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            try:
                yield process.pid
            finally:
                process.kill()
