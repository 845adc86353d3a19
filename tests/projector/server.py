"""A projector for the tests: a line asked, a line of JSON answered."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Iterator


class Projector:
    """`obeyed` is what it was told to do, in order. What is `held` of that it does and answers once it is let go."""

    def __init__(self) -> None:
        self.power, self.lamp, self.title, self.port = "on", 1234, "room 1", 0
        self.obeyed: list[str] = []
        self.done: list[str] = []
        self.held = ""
        self._go, self._loop = asyncio.Event(), asyncio.get_running_loop()

    def let_go(self) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(self._go.set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.CancelledError):
            while line := (await reader.readline()).decode().strip():
                if line != "status":
                    self.obeyed.append(line)
                    if line == self.held:
                        await self._go.wait()
                self.lamp = 0 if line == "reset" else self.lamp
                if line.startswith("burn "):
                    self.lamp += int(line.split()[1])
                if line.startswith("power "):
                    self.power = line.split()[1]
                if line != "status":
                    self.done.append(line)
                said = {"power": self.power, "lamp": self.lamp, "title": self.title}
                writer.write(json.dumps(said).encode() + b"\n")


@contextlib.asynccontextmanager
async def projector() -> AsyncIterator[Projector]:
    device = Projector()
    async with await asyncio.start_server(device.serve, "127.0.0.1", 0) as server:
        device.port = server.sockets[0].getsockname()[1]
        yield device


@contextlib.contextmanager
def beside() -> Iterator[Projector]:
    """The same in a thread of its own, for a test that waits without an event loop."""
    loop, over = asyncio.new_event_loop(), asyncio.Event()
    started: list[Projector] = []
    there = threading.Event()

    async def run() -> None:
        async with projector() as device:
            started.append(device)
            there.set()
            await over.wait()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    there.wait()
    try:
        yield started[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()
