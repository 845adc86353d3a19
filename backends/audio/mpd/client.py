"""Talking to one MPD, by python-mpd2: every answer has a deadline, and every failure is one of Python's own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import structs

from backends.audio.mpd import model
from backends.contract import IO, Refused, clean

if TYPE_CHECKING:
    from backends.audio.mpd.bounded import BoundedClient

T = TypeVar("T")

ANSWER = 2.0  # seconds; a healthy server answers in 2 ms
CLIENT = "backends.audio.mpd.bounded"  # imported by the source's thread
SUBSYSTEMS = ("player", "mixer", "playlist", "output", "options")


@contextlib.asynccontextmanager
async def connected(address: str) -> AsyncIterator[BoundedClient]:
    """A connection to host:port. Raises TimeoutError (accepts, says nothing), ConnectionRefusedError, ValueError."""
    from backends.audio.mpd.bounded import BoundedClient

    client = BoundedClient()
    host, _, port = address.rpartition(":")
    try:
        with _said(address):
            async with asyncio.timeout(ANSWER):
                await client.connect(host.strip("[]"), int(port))
        yield client
    finally:
        client.disconnect()


@contextlib.contextmanager
def _said(address: str) -> Iterator[None]:
    """Says what the library raises in Python's words."""
    import mpd

    try:
        yield
    except TimeoutError as error:
        raise TimeoutError(f"MPD at {address} accepts but does not answer") from error
    except mpd.CommandError as error:
        raise Refused(clean(error)) from error
    except mpd.ConnectionError as error:
        raise ConnectionResetError(f"MPD at {address} has ended, or closed the connection") from error
    except mpd.MPDError as error:
        raise ValueError(f"answers, but not as MPD: {clean(error)}") from error
    except ValueError as error:  # asyncio's: a line of more than 64 KiB
        raise ValueError("answers with a line that is too long to be read") from error
    except OSError as error:
        raise ConnectionRefusedError(
            f"the player is down, so the room is probably silent: nothing listens at {address}"
        ) from error


async def ask(address: str, answer: Awaitable[T]) -> T:
    """One command's answer. Raises TimeoutError, ConnectionResetError, ValueError, Refused."""
    with _said(address):
        async with asyncio.timeout(ANSWER):
            return await answer


async def read(client: BoundedClient, address: str) -> model.Said:
    answers: list[Any] = [await ask(address, call()) for call in (client.status, client.currentsong, client.outputs)]
    return model.said(*answers)


async def refresh(client: BoundedClient, address: str, said: model.Said) -> model.Said:
    """The same with the status as it is now: all that changes without an event."""
    status: Any = await ask(address, client.status())
    return structs.replace(said, status=model.said(status, {}, []).status)


@contextlib.asynccontextmanager
async def listening(client: BoundedClient, address: str) -> AsyncIterator[Changes]:
    changes = Changes(client, address)
    task = asyncio.create_task(changes.listen())
    try:
        yield changes
    finally:
        task.cancel()


class Changes:
    """What the server reports by itself: that something has changed, and how often its player was sent to a place."""

    def __init__(self, client: BoundedClient, address: str) -> None:
        self.pending, self.jumps = True, 0
        self._client, self._address = client, address
        self._wake = asyncio.Event()
        self._error: Exception | None = None

    async def listen(self) -> None:
        try:
            with _said(self._address):
                async for changed in self._client.idle(SUBSYSTEMS):
                    self.pending = True
                    self.jumps += "player" in changed
                    self._wake.set()
        except (OSError, ValueError, Refused) as error:
            self._error = error
            self._wake.set()

    async def wait(self, seconds: float, io: IO) -> None:
        """Returns when the time is over or something has changed. Raises what has ended the connection."""
        await io.wait(seconds, self._wake.wait())
        self._wake.clear()
        if self._error:
            raise self._error
