"""Beds for the backends that read files: the embedded venue's trees, of which a file or the events can go bad."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from backends.audio import alsa
from backends.capture import hdmi2usb
from backends.contract import Backend, State
from backends.demo.captures import Captures
from backends.demo.mixer import Mixers
from backends.demo.trees import DemoBoard, Trees
from backends.hardware import usb
from backends.testing.faults import REFUSED_OR_WRONG, BrokenFile, Proxy, proxied
from backends.testing.stage import HOST
from tests.patience import until_async

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
    section: Mapping[str, Any]

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
    texts = [board / "product", board / "manufacturer"]
    return TreeBed(usb.backend, "usb", trees.usb, trees, proxy, board / "speed", texts, "usb")


def hdmi2usb_bed(trees: Trees, proxy: Proxy) -> TreeBed:
    board = trees.sysfs / "bus/usb/devices/2-1"
    captures = Captures(trees.sysfs.parent / "dev", trees.captures)
    section = {"sysfs": str(trees.sysfs), **captures.settings}
    return TreeBed(hdmi2usb.backend, "hdmi2usb", section, trees, proxy, board / "speed", [board / "serial"], "usb")


def pcm_bed(trees: Trees, proxy: Proxy) -> TreeBed:
    card = trees.proc / "card0/pcm0p/sub0"
    section = {"proc": str(trees.proc), "mixer": ["sleep", "1000"]}
    ids = [trees.proc / "card0/id"]
    bed = TreeBed(alsa.backend, "alsa pcm", section, trees, proxy, card / "hw_params", ids, "sound")
    bed.room = 32
    return bed


@contextlib.asynccontextmanager
async def laid(folder: Path) -> AsyncIterator[tuple[Trees, Mixers]]:
    """Trees with three boards and two capture boards, and their mixers."""
    boards = [DemoBoard("bar", "1-1.1"), DemoBoard("foyer", "1-1.2", "on", True), DemoBoard("hall", "1-1.3.1")]
    trees = Trees(folder, boards, {"2-1": "opsis", "2-2": "atlys"}, still=True)
    mixers = Mixers(folder / "mixers", lambda: trees.cards)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(trees.run()), group.create_task(mixers.run())]
        await until_async(lambda: trees.socket.exists() and mixers.socket.exists())
        yield trees, mixers
        for task in tasks:
            task.cancel()
