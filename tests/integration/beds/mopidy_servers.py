"""A Mopidy as an outsider uses it, whichever it is: the embedded one, or a real one."""

from __future__ import annotations

import asyncio
import signal
from typing import Protocol

import httpx

from backends.demo.mopidy import MopidyServer, Player, Track
from tests.integration.beds.mopidy import RealMopidy, make_track


class Server(Protocol):
    """What an outsider does to a server, whichever it is."""

    endpoint: str

    async def rpc(self, method: str, **params: object) -> object: ...
    async def queue(self, *titles: str) -> None: ...
    async def kill(self) -> None: ...
    async def start(self) -> None: ...


class Embedded:
    def __init__(self) -> None:
        self.server = MopidyServer(Player([], "stopped"))
        self.endpoint = ""

    async def rpc(self, method: str, **params: object) -> object:
        body = {"jsonrpc": "2.0", "id": 1, "method": method} | ({"params": params} if params else {})
        async with httpx.AsyncClient() as client:
            return (await client.post(f"{self.endpoint}/mopidy/rpc", json=body)).json()["result"]

    async def queue(self, *titles: str) -> None:
        player = self.server.player
        player.tracks = {n: Track(title, "Test Artist") for n, title in enumerate(titles, 1)}
        player.current = None

    async def kill(self) -> None:
        await self.server.stop()

    async def start(self) -> None:
        await self.server.start()
        self.endpoint = self.server.endpoint


class Real:
    def __init__(self, server: RealMopidy) -> None:
        self.server, self.endpoint = server, server.endpoint

    async def rpc(self, method: str, **params: object) -> object:
        return await asyncio.to_thread(self.server.rpc, method, **params)

    async def queue(self, *titles: str) -> None:
        await self.rpc("core.tracklist.clear")  # first, so that it plays none of the files that are written anew
        tracks = [make_track(self.server.media / f"{n}.flac", title, length=30) for n, title in enumerate(titles)]
        await self.rpc("core.tracklist.add", uris=[track.as_uri() for track in tracks])

    async def kill(self) -> None:
        self.server.signal(signal.SIGKILL)
        await asyncio.to_thread(self.server.process.wait)

    async def start(self) -> None:
        if self.server.process.poll() is not None:
            self.server.start()
