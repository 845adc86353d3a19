"""Python scripts as child processes, and whether a process has ended."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import psutil

from backends.children import Talk
from backends.runtime import SourceIO
from tests.patience import until_async

ROOM = 20 << 20  # bytes by which a hostile child may make this process grow


def python(script: str, io: SourceIO | None = None, **more: Any) -> AbstractAsyncContextManager[Talk]:
    """A child that is this script."""
    return (io or SourceIO("c")).child([sys.executable, "-c", script], **more)


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def gone(pid: int) -> None:
    """Waits for the end of a process, and ends one that does not come to it."""
    try:
        await until_async(lambda: is_gone(pid), f"the end of process {pid}")
    except AssertionError:
        os.kill(pid, signal.SIGKILL)
        raise


async def for_ever(do: Callable[[], Awaitable[object]]) -> None:
    while True:
        await do()
