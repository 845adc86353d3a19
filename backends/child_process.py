"""The first steps of every child process. Imports no asyncio, because children start while the console starts."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

PR_SET_PDEATHSIG = 1  # prctl(2)
TO_START = 12.0  # seconds for a child's first message: on a busy machine a program starts slowly
SETPRIV = "/usr/bin/setpriv"  # util-linux, which Debian always has


class At(Struct, frozen=True):
    """Sent before a call that may block, so that a silent child can be blamed on it."""

    at: str


class Look(Struct, frozen=True):
    """Asks a child to read its system again."""

    look: bool


def is_look(line: bytes) -> bool:
    """Whether a message to a child asks it to look again."""
    return b'"look"' in line


def die_with_parent() -> None:
    """Makes the kernel kill this child process when its parent ends, however it ends."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the call
        sys.exit(0)


def tied(argv: Sequence[str]) -> tuple[str, ...]:
    """The command that runs a foreign program so that it is killed when this process ends. Our own children call
    `die_with_parent`."""
    if argv[0] == sys.executable or not Path(SETPRIV).exists():
        return tuple(argv)
    return (SETPRIV, "--pdeathsig", "KILL", "--", *argv)
