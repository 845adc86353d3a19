"""One connection to a voctocore's control port."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator

from backends.capture.voctoline import LONGEST, OPENING, POLL, Core, Flooded, NotVoctocore, heard
from backends.contract import IO

GATHER = 0.02  # seconds in which lines come together
MOST = 20_000  # lines that one answer, with the news in between, may have
TURN = 50  # lines after which everybody else has a turn: lines that are there already are read without waiting
ANSWER = 2.0  # seconds; measured round trip 1 ms at most, so its main loop is stuck after that


class Connection:
    """One client of a core: hears what it says to everybody, asks one thing at a time."""

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
            streams[1].close()  # never `quit`: it drops answers that are still under way

    async def line(self) -> str:
        """The next line. Raises ConnectionError when the core has gone."""
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
        """The next line, if there is one before it is time to look again, and those that come with it."""
        first = asyncio.ensure_future(self.line())
        await io.wait(seconds, first)
        if first.cancelled():
            return []
        lines = [first.result()]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GATHER):
                while len(lines) < MOST:
                    lines.append(await self.line())
        return lines

    async def ask(self, *commands: str) -> list[str]:
        """Everything said up to the end of the answers, news from others included.

        Answers carry no ids but come in order: the value of a key that nobody stores ends them.
        """
        fence = f"foh-{next(self._numbers)}"
        self._writer.write("".join(f"{line}\n" for line in (*commands, f"fetch_value {fence}")).encode())
        lines: list[str] = []
        try:
            async with asyncio.timeout(ANSWER):
                while (line := await self.line()).split() != ["value", fence]:
                    heard(Core(), line)  # a stranger may never end its answer: find out at its first line
                    lines.append(line)
                    if len(lines) > MOST:
                        raise Flooded(f"{MOST} lines and no answer among them")
        except TimeoutError:
            raise TimeoutError(f"voctocore took the connection but gave no answer within {ANSWER:g} s") from None
        return lines


async def read(connection: Connection) -> Core:
    """Everything known of a core, asked afresh."""
    core = Core()
    for line in await connection.ask(*OPENING, *POLL):
        core = heard(core, line)
    return core
