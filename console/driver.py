"""Textual's driver, on a line that may stand still or be cut: then nothing waits for it, and what it missed is painted
again when it goes on. Textual's own waits for the terminal once 30 writes are due, for good if there is none any more.
"""

from __future__ import annotations

import locale
import os
import threading
from collections import deque
from collections.abc import Callable

from textual.drivers.linux_driver import LinuxDriver

STDERR = 2  # where Textual draws
DUE = 100  # writes: some 30 frames
LAST = 0.1  # seconds for what is due when the program ends


class Output(threading.Thread):
    """Writes to a descriptor, in order, for a caller that never waits. What cannot be written soon is dropped, and
    `missed` is called, in this thread, as soon as the rest has been written."""

    def __init__(self, descriptor: int, missed: Callable[[], None]) -> None:
        super().__init__(daemon=True, name="output")
        self._descriptor, self._missed = descriptor, missed
        self._due = deque[str]()
        self._dropped = self._over = False
        self._news = threading.Condition()

    def write(self, text: str) -> None:
        with self._news:
            self._dropped = self._dropped or len(self._due) >= DUE
            if not self._dropped:  # what comes after a gap makes no picture
                self._due.append(text)
                self._news.notify()

    def run(self) -> None:
        encoding = locale.getpreferredencoding(False)
        while (text := self._next()) is not None:
            data = text.encode(encoding, "replace")
            try:
                while data:
                    data = data[os.write(self._descriptor, data) :]
            except OSError:  # the line was cut: the console ends for that, or somebody has told it to
                return

    def stop(self) -> None:
        """Ends it, if need be with some of it not written."""
        with self._news:
            self._over = True
            self._news.notify()
        self.join(LAST)

    def _next(self) -> str | None:
        """All that is due, once there is any; None at the end."""
        with self._news:
            if self._dropped and not self._due and not self._over:
                self._dropped = False
                self._missed()
            self._news.wait_for(lambda: self._due or self._over)
            text = "".join(self._due) if self._due else None
            self._due.clear()
        return text


class Line(LinuxDriver):
    """The terminal, written to by a thread that may be left behind."""

    def start_application_mode(self) -> None:
        self._output = Output(STDERR, self._repaint)
        self._output.start()
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual has not typed it

    def write(self, data: str) -> None:
        self._output.write(data)

    def close(self) -> None:
        self._output.stop()
        super().close()

    def _repaint(self) -> None:
        self._loop.call_soon_threadsafe(self._app.refresh)
