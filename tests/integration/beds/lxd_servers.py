"""An LXD as the tests use it, whichever it is: the embedded one, or a real one."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Protocol

from backends.demo.lxd import LxdServer
from backends.demo.lxd_shapes import Box
from tests.integration.beds.lxd import Lxd


class Server(Protocol):
    """What a test does to an LXD, whichever it is. web1 runs; web2 and stage/web1 are stopped."""

    socket: str

    async def do(self, action: str, name: str, project: str = "default") -> None: ...
    async def kill(self) -> None: ...
    async def start(self) -> None: ...
    def hang(self, yes: bool) -> None: ...


class EmbeddedServer:
    def __init__(self, folder: Path) -> None:
        boxes = [Box("web1", image="busybox"), Box("web2", status="Stopped"), Box("web1", "stage", "Stopped")]
        for box in boxes:
            box.image, box.autostart = "busybox", False
        self.server = LxdServer(str(folder / "lxd.socket"), "alpha", boxes, seconds=0.3)
        self.socket, self.hang = self.server.path, self.server.hang

    async def do(self, action: str, name: str, project: str = "default") -> None:
        do = {"start": self.server.revive, "stop": self.server.crash, "pause": self.server.freeze}[action]
        do(name, project)

    async def start(self) -> None:
        await self.server.start()

    async def kill(self) -> None:
        await self.server.close()


class RealServer:
    def __init__(self, bed: Lxd) -> None:
        self.bed, self.socket = bed, bed.socket

    async def do(self, action: str, name: str, project: str = "default") -> None:
        force = ["--force"] if action == "stop" else []
        await asyncio.to_thread(self.bed.lxc, action, name, "--project", project, *force)

    async def start(self) -> None:
        self.bed.start()  # in this thread: its end would be the daemon's

    async def kill(self) -> None:
        self.bed.kill()

    def hang(self, yes: bool) -> None:
        self.bed.signal(signal.SIGSTOP if yes else signal.SIGCONT)

    def mend(self) -> None:
        """As the next test needs it, whatever this one has left."""
        if self.bed.runs:
            self.hang(False)
        else:
            self.bed.start()
