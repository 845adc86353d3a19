"""A source's one thread, which makes its blocking calls one after another."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any


class Call:
    """One call for a thread. Claimed once: run by the thread, or cancelled by the caller."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call, self.ended = call, False
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._claim = threading.Lock()

    def withdraw(self) -> None:
        self._claim.acquire(blocking=False)
        if not self.future.done():  # it is running: ignore its outcome
            self.future.add_done_callback(lambda done: done.cancelled() or done.exception())

    def make(self) -> None:
        """Runs in the thread: passes the result or the error to the loop, if the loop still runs."""
        if not self._claim.acquire(blocking=False):
            return
        try:
            outcome: tuple[Any, BaseException | None] = (self.call(), None)
        except BaseException as error:  # noqa: BLE001  (passed to the caller, whatever it is)
            outcome = (None, error)
        self.ended = True
        with contextlib.suppress(RuntimeError):  # the loop has closed: there is no caller
            self.future.get_loop().call_soon_threadsafe(self._settle, *outcome)

    def _settle(self, value: Any, error: BaseException | None) -> None:
        if self.future.cancelled():
            return
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(value)


class Worker:
    """A source's one thread: makes one call after another until it receives None."""

    def __init__(self, name: str) -> None:
        self.calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self.current: Call | None = None
        # A daemon, not an executor's thread: a call that never returns must not delay the program's end.
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def take(self, call: Callable[[], Any]) -> Call:
        ours = Call(call)
        self.calls.put(ours)
        return ours

    def _run(self) -> None:
        while call := self.calls.get():
            self.current = call
            call.make()
