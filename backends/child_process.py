"""What a child process of ours does first. On its own, and without asyncio: children start while the console does."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from msgspec import Struct

PR_SET_PDEATHSIG = 1  # prctl(2)
TO_START = 12.0  # seconds in which its first word is awaited: on a machine that is busy a program takes long to start


class At(Struct, frozen=True):
    """Said by a child before it turns to what may hold it up, so that whoever hears nothing more knows what does."""

    at: str


def die_with_parent() -> None:
    """For a child process of ours: be killed by the kernel when the parent ends, however it ends."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the call
        sys.exit(0)
