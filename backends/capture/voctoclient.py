"""One connection to a voctocore's control port."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator

from backends.capture.voctoline import LONGEST, OPENING, POLL, CoreState, Flood, NotVoctocore, after_line
from backends.contract import IO

GATHER = 0.02  # seconds in which related lines arrive
MOST = 20_000  # the most lines until an answer ends, including broadcasts
TURN = 50  # lines after which it yields to other tasks, because buffered lines are read without waiting
ANSWER = 2.0  # seconds; measured round trip 1 ms at most, so its main loop is stuck after that


class Connection:
    """One client of a core: receives its broadcasts, and makes one request at a time."""

    _numbers = itertools.count(1)

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._read = 0

    @staticmethod
    @contextlib.asynccontextmanager
    async def open(endpoint: str) -> AsyncIterator[Connection]:
        host, _, port = endpoint.rpartition(":")
        async with asyncio.timeout(ANSWER):
            streams = await asyncio.open_connection(host.strip("[]"), int(port), limit=LONGEST)
        try:
            yield Connection(*streams)
        finally:
            streams[1].close()  # never `quit`: it drops answers that are on their way

    async def line(self) -> str:
        """The next line. Raises ConnectionError if the core has closed the connection."""
        self._read += 1
        if self._read % TURN == 0:
            await asyncio.sleep(0)
        try:
            data = await self._reader.readline()
        except ValueError:
            raise NotVoctocore(f"more than {LONGEST} bytes in one line") from None
        if not data.endswith(b"\n"):
            raise ConnectionError("voctocore closed the connection")
        return data.decode("utf-8", "replace").rstrip("\r\n")

    async def hear(self, seconds: float, io: IO) -> list[str]:
        """The next line within this time, with the lines that come shortly after it; [] if none came."""
        first = asyncio.ensure_future(self.line())
        await io.wait(seconds, first)
        if first.cancelled():
            return []
        lines = [first.result()]
        with contextlib.suppress(TimeoutError):  # nothing more has come
            async with asyncio.timeout(GATHER):
                while len(lines) < MOST:
                    lines.append(await self.line())
        return lines

    async def ask(self, *commands: str) -> list[str]:
        """All lines up to the end of the answers, including broadcasts.

        Answers carry no ids but come in order: the value of a key that nobody stores marks their end.
        """
        fence = f"foh-{next(self._numbers)}"
        self._writer.write("".join(f"{line}\n" for line in (*commands, f"fetch_value {fence}")).encode())
        lines: list[str] = []
        try:
            async with asyncio.timeout(ANSWER):
                while (line := await self.line()).split() != ["value", fence]:
                    after_line(CoreState(), line)  # another server may never end its answer: check its first line
                    lines.append(line)
                    if len(lines) > MOST:
                        raise Flood(f"{MOST} lines and no answer among them")
        except TimeoutError:
            raise TimeoutError(f"voctocore accepted the connection but did not answer within {ANSWER:g} s") from None
        return lines


async def read(connection: Connection) -> CoreState:
    """Reads the complete state of a core."""
    core = CoreState()
    for line in await connection.ask(*OPENING, *POLL):
        core = after_line(core, line)
    return core
