"""What the kernel says when hardware comes, goes or changes: the seam between udev and the embedded venue.

`where` is "udev" (the netlink socket that udev broadcasts on) or "unix:PATH", a stream socket that says one JSON
object a line: {"action": "remove", "subsystem": "usb", "name": "1-1.3.2"}.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

import msgspec
from msgspec import Struct

from backends.contract import clean

LISTENING = "listening"  # the action of the first event, which is ours: from then on none is missed
AFTERMATH = 0.25  # seconds: an event is told before it is all done, so that the first look may come too early
LOST = "lost"  # ours as well: the socket overflowed, anything may have happened


class UEvent(Struct, frozen=True):
    """`action` is the kernel's word (add, remove, change, bind...), `name` the device's name in sysfs."""

    action: str
    subsystem: str = ""
    name: str = ""


def uevents(where: str) -> AsyncGenerator[UEvent, None]:
    """The events, without end. Raises ImportError (no libudev), ConnectionError (the socket closed), OSError."""
    return _from_unix(where.removeprefix("unix:")) if where.startswith("unix:") else _from_udev()


async def _from_udev() -> AsyncGenerator[UEvent, None]:
    import pyudev  # loads libudev when first used: late, so that a machine without it still runs the rest

    monitor = pyudev.Monitor.from_netlink(pyudev.Context())
    monitor.start()
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[UEvent]()

    def readable() -> None:
        try:
            device = monitor.poll(timeout=0)
        except OSError:  # ENOBUFS
            queue.put_nowait(UEvent(LOST))
            return
        if device is not None:
            event = UEvent(clean(device.action), clean(device.subsystem), clean(device.sys_name))
            queue.put_nowait(event)

    loop.add_reader(monitor.fileno(), readable)
    try:
        yield UEvent(LISTENING)
        while True:
            yield await queue.get()
    finally:
        loop.remove_reader(monitor.fileno())


async def _from_unix(path: str) -> AsyncGenerator[UEvent, None]:
    reader, writer = await asyncio.open_unix_connection(path)
    decode = msgspec.json.Decoder(UEvent).decode
    try:
        yield UEvent(LISTENING)
        while line := await reader.readline():
            yield decode(line)
        raise ConnectionError(f"{path} was closed")
    finally:
        writer.close()


@contextlib.asynccontextmanager
async def waker(
    where: str, *subsystems: str, queue: asyncio.Queue[UEvent] | None = None
) -> AsyncIterator[Callable[[float], Awaitable[list[UEvent]]]]:
    """Lends `wait(seconds)`: it returns as soon as one of these subsystems has an event (a burst comes as one
    list), and with an empty list after so many seconds, or sooner where something has just happened. Whoever lends a
    `queue` can wake it with events of its own. Raises what `uevents` raises."""
    queue = asyncio.Queue() if queue is None else queue
    just_happened = False

    async def listen() -> None:
        async with contextlib.aclosing(uevents(where)) as events:
            async for event in events:
                if event.subsystem in ("", *subsystems):
                    queue.put_nowait(event)

    async def first(seconds: float | None) -> UEvent | None:
        """The next event, or None after so many seconds. Raises what ended the listener."""
        getter = asyncio.ensure_future(queue.get())
        try:
            await asyncio.wait({getter, task}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not getter.done() and task.done():
                task.result()
            return getter.result() if getter.done() else None
        finally:
            getter.cancel()

    async def wait(seconds: float) -> list[UEvent]:
        nonlocal just_happened
        event = await first(min(seconds, AFTERMATH) if just_happened else seconds)
        just_happened = event is not None
        burst = [event] if event else []
        while not queue.empty():
            burst.append(queue.get_nowait())
        return burst

    task = asyncio.create_task(listen(), name=f"uevents {where}")
    try:
        await first(None)
        yield wait
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task
