"""The inside of the embedded venue's capture boards: the consoles of their firmware, on pseudo-terminals, and what
their cameras see, which `python -m backends.demo.captures FILE` gives as pictures made small."""

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

MANY = 4096  # bytes taken at once


class Inside:
    """One board: what its camera shows, and its firmware. `number` is that of its nodes in `dev`."""

    def __init__(self, dev: Path, number: int) -> None:
        self.firmware = Firmware()
        self._console, self._camera = dev / f"ttyACM{number}", dev / f"video{number}"
        self.show(picture.MOVING)

    def show(self, word: str) -> None:
        self._camera.write_text(word)

    def lose(self) -> None:
        """The computer at its HDMI input is gone."""
        self.firmware.signal = "none"
        self.show(picture.RED)

    def regain(self) -> None:
        self.firmware.signal = "good"
        self.show(picture.MOVING)

    @contextlib.asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """Its console answers within the body."""
        ours, theirs = pty.openpty()
        tty.setraw(theirs)  # kept open: a terminal that nobody has open cannot be read from this side
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
            "look": [sys.executable, "-m", "backends.demo.captures", "{video}"],
        }

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            for inside in self.inside.values():
                await stack.enter_async_context(inside.answering())
            yield


def pictures(word: str) -> Iterable[bytes]:
    """What a camera gives of which somebody would say this."""
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
