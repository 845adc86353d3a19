"""Textual's driver, on a line that may stand still or be cut: then nothing waits for it, and what it missed is painted
again when it goes on. Textual's own waits for the terminal once 30 writes are due, for good if there is none any more,
and it wakes ten times a second to look for keys.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import locale
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, cast

from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Paste
from textual.message import Message

from console.inflow import Inflow

STDERR = 2  # where Textual draws
DUE = 100  # writes: some 30 frames
LAST = 0.1  # seconds for what is due when the program ends
READ = 4096  # bytes of input at once
QUIET = 50  # milliseconds without input that end a burst of pasted text
FEW, IN_FLIGHT = 8, 64  # messages of one read that are never too many; that may wait for the application
ESCAPE = 100  # milliseconds between two looks at whether a lone ESC is the Escape key
CUT = select.POLLHUP | select.POLLERR | select.POLLNVAL


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


class Stop(threading.Event):
    """An event that poll(2) sees as well."""

    def __init__(self) -> None:
        super().__init__()
        self.descriptor = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def set(self) -> None:
        super().set()
        os.eventfd_write(self.descriptor, 1)

    def clear(self) -> None:
        super().clear()
        with contextlib.suppress(BlockingIOError):  # it was not set
            os.eventfd_read(self.descriptor)


class Closable(Protocol):
    """An application that is told when its terminal has been closed."""

    def hung_up(self) -> None: ...


class Line(LinuxDriver):
    """The terminal, written to by a thread that may be left behind, and read by one that sleeps until a key comes."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.exit_event = self._stop = Stop()
        self._is_suspended = False

    def run_input_thread(self) -> None:
        parser, decoder = XTermParser(self._debug), codecs.getincrementaldecoder("utf-8")("replace")
        inflow = Inflow()
        poll = select.poll()
        poll.register(self.fileno, select.POLLIN)
        poll.register(self._stop.descriptor, select.POLLIN)
        while not self._stop.is_set():
            wait = None if parser._timeout_time is None else ESCAPE
            ready = dict(poll.poll(QUIET if inflow.is_burst else wait))
            if inflow.is_burst and not ready:
                self.process_message(Paste(inflow.quiet().replace("\0", "")))
            if flags := ready.get(self.fileno):
                data = self._read() if flags & select.POLLIN else b""
                text = inflow.feed(decoder.decode(data))
                self._pass_on(list(parser.feed(text)) if text else [])
                if not data:  # at its end, or closed
                    poll.unregister(self.fileno)
                    if flags & CUT:
                        self._loop.call_soon_threadsafe(cast(Closable, self._app).hung_up)
            for event in parser.tick():
                self.process_message(event)

    def _pass_on(self, events: list[Message]) -> None:
        """Gives events to the application, and reads no more while it has many to deal with: what is pressed meanwhile
        waits in the terminal."""
        for event in events:
            self.process_message(event)
        if len(events) > FEW:
            dealt_with = asyncio.run_coroutine_threadsafe(_few_wait(self._app), self._loop)
            while not dealt_with.done() and not self._stop.wait(0.005):
                pass

    def _read(self) -> bytes:
        with contextlib.suppress(OSError):  # EIO: the terminal is gone
            return os.read(self.fileno, READ)
        return b""

    def start_application_mode(self) -> None:
        self._output = Output(STDERR, self._repaint)
        self._output.start()
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual has not typed it

    def suspend_application_mode(self) -> None:
        """For a SIGTSTP: the terminal is as it was before."""
        self._is_suspended = True
        super().suspend_application_mode()

    def resume_application_mode(self) -> None:
        """For a SIGCONT, also after a SIGSTOP, which nobody can prepare for: takes the terminal again and paints it."""
        if not self._is_suspended:
            super().suspend_application_mode()
        self._is_suspended = False
        super().resume_application_mode()
        self._repaint()

    def write(self, data: str) -> None:
        self._output.write(data)

    def close(self) -> None:
        self._output.stop()
        super().close()

    def _repaint(self) -> None:
        self._loop.call_soon_threadsafe(self._app.refresh)


async def _few_wait(app: App[object]) -> None:
    """Returns when few messages wait for the application and its screen."""
    while app._message_queue.qsize() + app.screen._message_queue.qsize() > IN_FLIGHT:  # noqa: ASYNC110  (nothing tells when)
        await asyncio.sleep(0.005)
