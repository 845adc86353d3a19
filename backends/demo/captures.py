"""The inside of the embedded venue's capture boards: their firmware's consoles on pseudo-terminals, and their cameras.
`python -m backends.demo.captures FILE` writes a camera's pictures, scaled down."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import pty
import sys
import time
import tty
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from backends.capture import picture
from backends.demo.firmware import Firmware
from backends.interpreter import python

MANY = 4096  # bytes per read


class Inside:
    """One board: its camera and its firmware. `number` is the number of its nodes in `dev`."""

    def __init__(self, dev: Path, number: int) -> None:
        self.firmware = Firmware()
        self._console, self._camera = dev / f"ttyACM{number}", dev / f"video{number}"
        self.show(picture.MOVING)

    def show(self, word: str) -> None:
        self._camera.write_text(word)

    def lose(self) -> None:
        """Unplugs the computer at its HDMI input."""
        self.firmware.signal = "none"
        self.show(picture.RED)

    def regain(self) -> None:
        self.firmware.signal = "good"
        self.show(picture.MOVING)

    @contextlib.asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """Its console answers while the body runs."""
        ours, theirs = pty.openpty()
        tty.setraw(theirs)  # kept open: this side can be read only while the other side is open
        self._console.symlink_to(os.ttyname(theirs))
        loop = asyncio.get_running_loop()
        loop.add_reader(ours, lambda: os.write(ours, self.firmware.receive(os.read(ours, MANY), time.monotonic())))
        try:
            yield
        finally:
            loop.remove_reader(ours)
            self._console.unlink()
            for end in (ours, theirs):
                os.close(end)


class Captures:
    """The boards' insides, by port."""

    def __init__(self, dev: Path, ports: Iterable[str]) -> None:
        dev.mkdir()
        self.inside = {port: Inside(dev, number) for number, port in enumerate(ports)}
        self.settings = {
            "dev": str(dev),
            "look": python("backends.demo.captures", "{video}"),
        }

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            for inside in self.inside.values():
                await stack.enter_async_context(inside.answering())
            yield


def pictures(word: str) -> Iterable[bytes]:
    """A camera's pictures that are judged to be `word`."""
    points = picture.WIDTH * picture.HEIGHT
    for number in range(picture.COUNT if word != picture.NOTHING else 0):
        match word:
            case picture.RED:
                yield bytes(picture.NO_INPUT) * points
            case picture.BLACK:
                yield bytes(picture.SIZE)
            case _:
                moved = number if word == picture.MOVING else 0
                yield bytes(itertools.islice(itertools.cycle(range(moved, 200)), picture.SIZE))


if __name__ == "__main__":
    for each in pictures(Path(sys.argv[1]).read_text()):
        sys.stdout.buffer.write(each)
