"""python-mpd2's client with a bound: it collects the lines of an answer until the server says that it is complete,
and between two commands it listens without a deadline. Imported by the source's thread."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import mpd
from mpd.asyncio import MPDClient

LONGEST = 1 << 20  # bytes of an answer: those that are asked for here have 2 KiB


class BoundedClient(MPDClient):  # type: ignore[misc]  # the library has no types
    """Ends the connection at an answer that is longer than LONGEST."""

    def __init__(self) -> None:
        super().__init__()
        self._taken = 0
        self._refused: mpd.ProtocolError | None = None

    async def _read_line(self) -> str | None:
        """A line of an answer, None at its end. Raises CommandError, which ends it as well."""
        before, self._taken = self._taken, 0
        line: str | None = await super()._read_line()
        if line is not None:
            self._taken = before + len(line) + 1
        if self._taken > LONGEST:
            self._refused = mpd.ProtocolError(f"an answer of more than {LONGEST >> 20} MiB")
            raise self._refused
        return line

    async def idle(self, subsystems: Sequence[str] = ()) -> AsyncGenerator[list[str], None]:
        """What changes. The library says of every end that the connection was lost."""
        try:
            async for changed in super().idle(subsystems):
                yield changed
        except mpd.ConnectionError as error:
            raise self._refused or error from error
