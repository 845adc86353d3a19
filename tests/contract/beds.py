"""Beds for the six built-in backends: the embedded servers, with something in front that can go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from backends.audio import alsa, mopidy
from backends.capture import hdmi2usb, voctomix
from backends.containers import lxd
from backends.contract import Backend, State
from backends.demo.lxd import LxdServer
from backends.demo.lxd_shapes import Box
from backends.demo.mixer import Mixers
from backends.demo.mopidy import MopidyServer, Player, Track
from backends.demo.trees import DemoBoard, Trees
from backends.demo.voctocore import Voctocore
from backends.hardware import usb
from tests.contract.faults import REFUSED_OR_WRONG, BrokenFile, Proxy, proxied
from tests.contract.running import HOST


class SocketBed:
    """A system behind a proxy."""

    room = 1 << 20

    def __init__(
        self, backend: Backend, source: str, section: dict[str, Any], proxy: Proxy, say: Callable[[str], None]
    ) -> None:
        self.backend, self.source, self.section, self.proxy = backend, source, section, proxy
        self.host, self._say = HOST, say

    async def spoil(self, fault: str) -> None:
        await self.proxy.fault(fault)

    async def mend(self) -> None:
        await self.proxy.fault("well")

    async def say(self, text: str) -> None:
        self._say(text)


@contextlib.asynccontextmanager
async def mopidy_bed(folder: Path) -> AsyncIterator[SocketBed]:
    player = Player([Track("one", "A"), Track("two", "B"), Track("three", "C")])
    server = MopidyServer(player)
    await server.start()

    def say(text: str) -> None:
        assert player.current
        player.tracks[player.current] = Track(text, text)
        player.retitle(text)

    async with proxied(Proxy(f"127.0.0.1:{server.port}", twist=(b'"result"', b'"resolt"'))) as proxy:
        yield SocketBed(mopidy.backend, "mopidy ", {"endpoints": [f"http://{proxy.address}"]}, proxy, say)
    await server.stop()


class TalkingCore(Voctocore):
    """A core whose audio channels have a stranger's name."""

    channel = "cam1"

    def _audio(self) -> str:
        return f"audio_status {json.dumps({self.channel: 1.0})}"

    def say(self, text: str) -> None:
        self.channel = text
        for client in self._clients:
            client.write(f"{self._audio()}\n".encode())


@contextlib.asynccontextmanager
async def voctomix_bed(folder: Path) -> AsyncIterator[SocketBed]:
    core = TalkingCore()
    await core.start()
    twist = (b"composite_mode_and_video_status", b"composite_mode_and_video_nothing")
    twist = (twist[0], twist[1][: len(twist[0])])
    async with proxied(Proxy(f"127.0.0.1:{core.port}", twist=twist)) as proxy:
        yield SocketBed(voctomix.backend, "voctomix ", {"endpoints": [proxy.address]}, proxy, core.say)
    await core.close()


@contextlib.asynccontextmanager
async def lxd_bed(folder: Path) -> AsyncIterator[SocketBed]:
    server = LxdServer(str(folder / "inner"), "alpha", [Box("web1"), Box("web2", status="Stopped")], 0.2)
    server.add(Box("web3"))
    server.freeze("web3")
    await server.start()

    def say(text: str) -> None:
        box = server.boxes["default", "web1"]
        box.image, box.snapshots = text, [text]
        server.freeze("web3")  # an event, so that it is read again
        server._lifecycle("instance-updated", "web1", "default")

    twist = (b'"metadata"', b'"metagata"')
    async with proxied(Proxy(server.path, folder / "lxd", twist=twist)) as proxy:
        yield SocketBed(lxd.backend, "lxd ", {"sockets": [proxy.address]}, proxy, say)
    await server.close()


@contextlib.asynccontextmanager
async def laid(folder: Path) -> AsyncIterator[tuple[Trees, Mixers]]:
    """Trees with three boards and two capture boards, and their mixers."""
    boards = [DemoBoard("bar", "1-1.1"), DemoBoard("foyer", "1-1.2", "on", True), DemoBoard("hall", "1-1.3.1")]
    trees = Trees(folder, boards, {"2-1": "opsis", "2-2": "atlys"}, still=True)
    mixers = Mixers(folder / "mixers", lambda: trees.cards)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(trees.run()), group.create_task(mixers.run())]
        await asyncio.sleep(0.05)
        yield trees, mixers
        for task in tasks:
            task.cancel()


@contextlib.asynccontextmanager
async def mixer_bed(folder: Path) -> AsyncIterator[SocketBed]:
    async with (
        laid(folder / "tree") as (_, mixers),
        proxied(Proxy(str(mixers.socket), folder / "proxy", twist=(b'"controls"', b'"kontrols"'))) as proxy,
    ):
        section = {"proc": str(folder / "none"), "mixer": [*mixers.argv[:-1], proxy.address]}

        def say(text: str) -> None:
            name = text.encode("utf-8", "replace").decode()  # the child's lines are JSON, which has no lone surrogates
            mixers.cards = lambda: {"bar": 0, "foyer": 1, name: 2}
            mixers.tell()

        yield SocketBed(alsa.backend, "alsa mixer", section, proxy, say)


TREE_FAULTS = {
    "fifo": frozenset((State.HUNG,)),
    "unreadable": frozenset[State](),
    "garbage": frozenset[State](),
    "missing": frozenset[State](),
    "gone": frozenset((State.REFUSED,)),
    "random": REFUSED_OR_WRONG,
    "huge": REFUSED_OR_WRONG,
    "hung": frozenset[State](),  # no news is no fault: it looks by itself as well
}


class TreeBed:
    """Files behind which there is no kernel, and the socket of their events behind a proxy. `broken` is the file
    that goes bad, `texts` those that a device writes."""

    room = 3000  # the kernel hands out one page

    def __init__(
        self, backend: Backend, source: str, section: dict[str, Any], trees: Trees, proxy: Proxy,
        broken: Path, texts: list[Path], subsystem: str,
    ) -> None:  # fmt: skip
        self.backend, self.source, self.host, self.proxy, self._trees = backend, source, HOST, proxy, trees
        self.section = section | {"events": f"unix:{proxy.address}"}
        self._file, self._texts, self._subsystem = BrokenFile(broken), texts, subsystem

    async def spoil(self, fault: str) -> None:
        if fault in ("fifo", "unreadable", "garbage", "missing"):
            getattr(self._file, fault)()
            self._tell()
        else:
            await self.proxy.fault(fault)

    async def mend(self) -> None:
        self._file.mend()
        await self.proxy.fault("well")
        self._tell()

    async def say(self, text: str) -> None:
        for path in self._texts:
            new = path.with_name(f".{path.name}-new")
            new.write_bytes(text.encode("utf-8", "surrogatepass") + b"\n")
            new.replace(path)
        self._tell()

    def _tell(self) -> None:
        self._trees._emit("change", self._subsystem, "x")


@contextlib.asynccontextmanager
async def tree_bed(folder: Path, make: Callable[[Trees, Proxy], TreeBed]) -> AsyncIterator[TreeBed]:
    async with laid(folder / "tree") as (trees, _), proxied(Proxy(str(trees.socket), folder / "proxy")) as proxy:
        yield make(trees, proxy)


def usb_bed(trees: Trees, proxy: Proxy) -> TreeBed:
    board = trees.sysfs / "bus/usb/devices/1-1.1"
    section = {"sysfs": str(trees.sysfs), "enumerator": "sysfs"}
    texts = [board / "product", board / "manufacturer"]
    return TreeBed(usb.backend, "usb", section, trees, proxy, board / "speed", texts, "usb")


def hdmi2usb_bed(trees: Trees, proxy: Proxy) -> TreeBed:
    board = trees.sysfs / "bus/usb/devices/2-1"
    section = {"sysfs": str(trees.sysfs)}
    return TreeBed(hdmi2usb.backend, "hdmi2usb", section, trees, proxy, board / "speed", [board / "serial"], "usb")


def pcm_bed(trees: Trees, proxy: Proxy) -> TreeBed:
    card = trees.proc / "card0/pcm0p/sub0"
    section = {"proc": str(trees.proc), "mixer": ["sleep", "1000"]}
    ids = [trees.proc / "card0/id"]
    bed = TreeBed(alsa.backend, "alsa pcm", section, trees, proxy, card / "hw_params", ids, "sound")
    bed.room = 32
    return bed
