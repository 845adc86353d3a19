"""Snapcast: the speakers that play one server's streams in step. Its control port speaks JSON-RPC 2.0, one object a
line (github.com/badaix/snapcast, doc/json_rpc_api/control.md)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from backends.contract import (
    IO,
    Backend,
    Context,
    Need,
    Observation,
    Offer,
    Plan,
    Refused,
    Source,
    Step,
    clean,
)
from foh_snapcast.model import RULES, SPEAKER, Client, Group, Speaker, Status, speaker, work_out


class Message(Struct):
    """A line from the server: an answer, which has our id, or a notification, which has none."""

    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: dict[str, Any] = {}


ANSWER = 2.0  # seconds: a healthy server answers in milliseconds
LONGEST = 1 << 20  # bytes of a line: a speaker takes 500


class Connection:
    """One connection to a server's control port."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, io: IO) -> None:
        self._reader, self._writer, self._io = reader, writer, io

    async def call(self, method: str, params: Mapping[str, object] = {}) -> msgspec.Raw:
        """The result of a call. Raises Refused with the server's reason, TimeoutError, ConnectionError, ValueError."""
        request = {"id": 1, "jsonrpc": "2.0", "method": method, "params": params}
        self._writer.write(msgspec.json.encode(request) + b"\n")
        async with self._io.deadline(ANSWER):
            while (message := await self.hear()).id is None:
                pass  # a notification: what it is about is read afresh anyway
        if message.error:
            raise Refused(f"Snapcast says: {clean(message.error.get('data') or message.error.get('message'))}")
        return message.result

    async def hear(self) -> Message:
        """The next line. May be cancelled."""
        line = await self._reader.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the Snapcast server closed the connection")
        return msgspec.json.decode(line, type=Message)


@contextlib.asynccontextmanager
async def connected(endpoint: str, io: IO) -> AsyncIterator[Connection]:
    host, _, port = endpoint.rpartition(":")
    try:
        async with io.deadline(ANSWER):
            reader, writer = await asyncio.open_connection(host, int(port), limit=LONGEST)
    except ConnectionRefusedError as error:
        raise ConnectionRefusedError("the server is down, so its speakers are silent: nothing listens there") from error
    try:
        yield Connection(reader, writer, io)
    finally:
        writer.close()


LOOK = 2.0  # seconds between two looks when nothing is heard, so that a hung server is noticed


class SnapcastSource:
    """One Snapcast server."""

    def __init__(self, host: str, endpoint: str) -> None:
        self.host, self.address, self.name = host, endpoint, f"snapcast {endpoint}"

    async def watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        async with connected(self.address, io) as server:
            while True:
                found = tuple(now for now, _, _ in await self._read(server, io))
                yield Observation(upserts=found, complete=True)
                await io.wait(LOOK, server.hear())

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        async with connected(self.address, io) as server:
            for now, group, client in await self._read(server, io):
                if now.id == offer.target:
                    return work_out(self.address, now, group, client, offer, args)
        raise Refused(f"the Snapcast server at {self.address} does not know {offer.target.local} any more")

    async def do(self, step: Step, io: IO) -> None:
        async with connected(self.address, io) as server:
            await server.call(step.do, msgspec.json.decode(str(step.args["params"])))

    async def _read(self, server: Connection, io: IO) -> list[tuple[Speaker, Group, Client]]:
        """Every speaker as it is now, with what it was made from."""
        status = msgspec.json.decode(await server.call("Server.GetStatus"), type=Status).server
        return [
            (speaker(self.host, self.address, status, group, client, io.clock()), group, client)
            for group in status.groups
            for client in group.clients
        ]


USUAL = "127.0.0.1:1705"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`endpoints`: host:port of each server's control port. Empty: the one on this machine, if there is one."""

    endpoints: list[str] = []


async def discover(context: Context, io: IO) -> Sequence[Source]:
    if context.settings.endpoints:
        return [SnapcastSource(context.host, endpoint) for endpoint in context.settings.endpoints]
    if context.known:
        return context.known  # one that is down is still a source
    try:
        async with connected(USUAL, io) as server:
            await server.call("Server.GetRPCVersion")
    except (OSError, ValueError, Refused):
        return []
    return [SnapcastSource(context.host, USUAL)]


def needs(context: Context) -> Sequence[Need]:
    return [Need("a Snapcast server", True, f"looked for at {', '.join(context.settings.endpoints) or USUAL}")]


backend = Backend("snapcast", (SPEAKER,), RULES, discover, needs, Settings)
