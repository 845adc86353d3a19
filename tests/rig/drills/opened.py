"""Which files are opened while the body runs, by inotify(7), which costs those who open them nothing."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.patience import POLL

IN_OPEN = 0x20
EVENT = struct.Struct("iIII")  # wd, mask, cookie, len; the name follows


@contextlib.contextmanager
def opened(folders: Sequence[Path]) -> Iterator[list[str]]:
    """The names of the files in these folders that are opened, as they are. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    watched = {libc.inotify_add_watch(descriptor, str(folder).encode(), IN_OPEN): folder for folder in folders}
    if descriptor < 0 or -1 in watched:
        raise OSError(ctypes.get_errno(), "inotify")
    seen: list[str] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(POLL):
            with contextlib.suppress(BlockingIOError):
                seen.extend(_names(os.read(descriptor, 65536), watched))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        over.set()
        looking.join()
        os.close(descriptor)


def _names(data: bytes, watched: dict[int, Path]) -> Iterator[str]:
    while data:
        folder, _, _, length = EVENT.unpack_from(data)
        name = data[EVENT.size : EVENT.size + length].rstrip(b"\0").decode()
        if name:
            yield str(watched[folder] / name)
        data = data[EVENT.size + length :]
