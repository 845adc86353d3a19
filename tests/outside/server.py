"""A projector for the tests: a line asked, a line of JSON answered."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator


class Projector:
    def __init__(self) -> None:
        self.power, self.lamp, self.title, self.port = "on", 1234, "room 1", 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.CancelledError):
            while line := (await reader.readline()).decode():
                if line.startswith("power "):
                    self.power = line.split()[1]
                said = {"power": self.power, "lamp": self.lamp, "title": self.title}
                writer.write(json.dumps(said).encode() + b"\n")


@contextlib.asynccontextmanager
async def projector() -> AsyncIterator[Projector]:
    device = Projector()
    async with await asyncio.start_server(device.serve, "127.0.0.1", 0) as server:
        device.port = server.sockets[0].getsockname()[1]
        yield device
