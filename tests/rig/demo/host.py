"""The person's terminal, joined to a serial line of the guest by a socket pair.

Nothing is touched before the guest has written its first byte: until then ctrl-C is the terminal's own.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
import termios
import threading
import time
import tty
from collections.abc import Iterator, Sequence
from pathlib import Path

from console.terminal import LEAVE

FOLDERS = "foh-rig-"  # what the names of folders that are shared with a guest begin with
SIZE = "size"  # the file, in such a folder, that says the terminal's columns and rows
ASKED, ANSWERED = "asked", "answered"  # files in it: commands to the boards, and what came of them, line by line
LAST = 2.0  # seconds that the terminal may take for what was written last
TO_ANSWER = 30.0  # seconds
AT_ONCE, PAUSE = 512, 0.02  # bytes of typing, and seconds between two such: User Mode Linux never again reads from a
# line that had more for it than the 4 KiB that its terminals keep


class Line:
    """The guest's serial line. `theirs` is the guest's end; `taken` is whether the guest has the terminal."""

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair()
        self.taken = threading.Event()
        self._showing = threading.Thread(target=self._show, daemon=True)
        self._showing.start()

    def close(self) -> None:
        """Once the guest has ended: what it wrote last is shown."""
        self.theirs.close()
        self._showing.join(LAST)

    def _show(self) -> None:
        """What the guest writes."""
        with contextlib.suppress(OSError):  # the terminal is gone
            while data := self._ours.recv(65536):
                if not self.taken.is_set():
                    self.taken.set()
                    tty.setraw(0)
                    threading.Thread(target=self._type, daemon=True).start()
                while data:
                    data = data[os.write(1, data) :]

    def _type(self) -> None:
        """What the person types."""
        with contextlib.suppress(OSError):
            while keys := os.read(0, AT_ONCE):
                self._ours.sendall(keys)
                time.sleep(PAUSE if len(keys) == AT_ONCE else 0)


@contextlib.contextmanager
def attached(folder: Path) -> Iterator[Line]:
    """A line to the terminal, which is as before when the body has ended, however it does."""
    before = termios.tcgetattr(0)
    (folder / ASKED).touch()
    write_size(folder)
    signal.signal(signal.SIGWINCH, lambda number, frame: write_size(folder))
    line = Line()
    try:
        yield line
    finally:
        signal.signal(signal.SIGWINCH, signal.SIG_DFL)
        line.close()
        if line.taken.is_set():
            with contextlib.suppress(OSError, termios.error):  # the terminal is gone
                os.write(1, LEAVE.encode())
                termios.tcsetattr(0, termios.TCSAFLUSH, before)


def write_size(folder: Path) -> None:
    columns, rows = os.get_terminal_size(1)
    (folder / "size.new").write_text(f"{columns} {rows}\n")
    (folder / "size.new").rename(folder / SIZE)


def ask(words: Sequence[str]) -> int:
    """Has a command done to the boards of the console that runs on another terminal, and says what came of it."""
    running = sorted(Path(tempfile.gettempdir()).glob(f"{FOLDERS}*/{ASKED}"), key=lambda file: file.stat().st_mtime)
    if not running:
        print("rig: no console runs in a guest: start one with `foh demo --rig` on another terminal", file=sys.stderr)
        return 1
    file = running[-1]
    answered = file.with_name(ANSWERED)
    with file.open("a") as asked:
        asked.write(json.dumps(command(words)) + "\n")
    number, end = len(file.read_text().splitlines()), time.monotonic() + TO_ANSWER
    while time.monotonic() < end:
        said = answered.read_text().splitlines() if answered.exists() else []
        if len(said) >= number:
            print(said[number - 1])
            return 0
        time.sleep(0.1)
    print("rig: no answer: the console is still starting, or has ended", file=sys.stderr)
    return 1


def command(words: Sequence[str]) -> dict[str, object]:
    """`unplug kitchen` and `plug kitchen port=15` as the emulated venue takes them (devices/commands.py)."""
    found: dict[str, object] = {"do": words[0]}
    for word in words[1:]:
        name, has_value, value = word.partition("=")
        found[name if has_value else "name"] = number_or_text(value) if has_value else name
    return found


def number_or_text(value: str) -> object:
    try:
        return json.loads(value)
    except ValueError:
        return value
