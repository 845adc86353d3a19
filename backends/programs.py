"""Whether a program that is not running is still installed: distinguishes a service that is down from a removed one."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import psutil


def program_of(pid: object, name: str) -> str:
    """The file of that name in a process's command line, such as /usr/bin/mopidy; "" where unknown. Blocking."""
    if not isinstance(pid, int):
        return ""
    try:
        return program_in(psutil.Process(pid).cmdline(), name)
    except (psutil.Error, OSError):
        return ""


def program_in(argv: Sequence[str], name: str) -> str:
    word = next((word for word in argv[:3] if Path(word).name == name), "")
    return word if word.startswith("/") else (shutil.which(word) or "" if word else "")


def is_installed(program: str) -> bool:
    """Whether the file of a program exists. True for "", a program that was never seen running. Blocking."""
    return not program or Path(program).exists()
