"""The kernel's events when hardware comes, goes or changes: the seam between udev and the embedded venue.

`where` is "udev" (netlink) or "unix:PATH", a stream socket that sends one JSON object a line: {"action": "remove",
"subsystem": "usb", "name": "1-1.3.2"}.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from itertools import islice

import msgspec
from msgspec import Struct

from backends.contract import IO, clean

LISTENING = "listening"  # the action of the first event, made by foh: no later event is missed
AT_ONCE = 64  # events of one socket before it yields to other tasks
AFTERMATH = 0.25  # seconds: an event comes before its change is complete, so the first read may be too early
TOGETHER = 0.03  # seconds in which all events of one unplugging arrive
KERNEL, UDEV = "kernel", "udev"  # the senders: the kernel at once, udev after its rules
LOST = "lost"  # made by foh as well: the socket overflowed, so any event may be missing


class UEvent(Struct, frozen=True):
    """`action` is the kernel's word (add, remove, change, bind...), `name` the device's name in sysfs."""

    action: str
    subsystem: str = ""
    name: str = ""


def uevents(where: str, *subsystems: str) -> AsyncGenerator[UEvent, None]:
    """The events of these subsystems, without end. Raises ImportError (no libudev), ConnectionError (the socket
    closed), OSError."""
    if where.startswith("unix:"):
        return _from_unix(where.removeprefix("unix:"), subsystems)
    return _from_udev(subsystems)


async def _from_udev(subsystems: Sequence[str]) -> AsyncGenerator[UEvent, None]:
    import pyudev  # loads libudev: imported late, so that a machine without it still runs the rest

    loop, queue, context = asyncio.get_running_loop(), asyncio.Queue[UEvent](), pyudev.Context()

    def readable(monitor: pyudev.Monitor, source: str) -> None:
        try:
            for device in islice(iter(partial(monitor.poll, 0), None), AT_ONCE):
                if source == _teller(device.action):
                    event = UEvent(clean(device.action), clean(device.subsystem), clean(device.sys_name))
                    queue.put_nowait(event)
        except OSError:  # ENOBUFS
            queue.put_nowait(UEvent(LOST))

    monitors = {source: pyudev.Monitor.from_netlink(context, source) for source in (KERNEL, UDEV)}
    try:
        for source, monitor in monitors.items():
            for subsystem in subsystems:
                monitor.filter_by(subsystem)
            monitor.start()
            loop.add_reader(monitor.fileno(), readable, monitor, source)
        yield UEvent(LISTENING)
        while True:
            yield await queue.get()
    finally:
        for monitor in monitors.values():
            loop.remove_reader(monitor.fileno())


def _teller(action: str) -> str:
    """The sender whose events count for an action: udev, after its rules have set a device's name and owner; for
    removals the kernel, which does not wait for rules."""
    return KERNEL if action == "remove" else UDEV


async def _from_unix(path: str, subsystems: Sequence[str]) -> AsyncGenerator[UEvent, None]:
    reader, writer = await asyncio.open_unix_connection(path)
    decode = msgspec.json.Decoder(UEvent).decode
    try:
        yield UEvent(LISTENING)
        while line := await reader.readline():
            if (event := decode(line)).subsystem in subsystems:
                yield event
        raise ConnectionError(f"{path} was closed")
    finally:
        writer.close()


@contextlib.asynccontextmanager
async def waker(
    where: str, io: IO, *subsystems: str, news: asyncio.Event | None = None
) -> AsyncIterator[Callable[[float], Awaitable[list[UEvent]]]]:
    """Provides `wait(seconds)`. It returns at the next event of these subsystems (a burst is one list). It returns an
    empty list when `io.wait` returns, at other `news`, and soon after an event (AFTERMATH). Raises what `uevents`
    raises."""
    queue, other = asyncio.Queue[UEvent](), news or asyncio.Event()
    just_happened = False

    async def listen() -> None:
        async with contextlib.aclosing(uevents(where, *subsystems)) as events:
            async for event in events:
                queue.put_nowait(event)

    async def first(seconds: float | None) -> UEvent | None:
        """The next event, or None after this time. Raises the error that ended the listener."""
        getter, others = asyncio.ensure_future(queue.get()), asyncio.ensure_future(other.wait())
        try:
            either = asyncio.wait({getter, others, task}, return_when=asyncio.FIRST_COMPLETED)
            await (either if seconds is None else io.wait(seconds, either))
            other.clear()
            if not getter.done() and task.done():
                task.result()
            return getter.result() if getter.done() else None
        finally:
            getter.cancel()
            others.cancel()

    async def wait(seconds: float) -> list[UEvent]:
        nonlocal just_happened
        event = await first(min(seconds, AFTERMATH) if just_happened else seconds)
        just_happened = event is not None
        burst = [event] if event else []
        if burst:
            await asyncio.sleep(TOGETHER)
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
