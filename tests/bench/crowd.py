"""The console on a venue of 3,000 resources in which 100 things change a second, and beside a peer that floods it.

python -m tests.bench.crowd STATE-FOLDER: that console, on this terminal.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil

from backends import registry
from backends.contract import Backend, Observation
from console.app import Foh
from console.config import of_table
from console.session import Session
from console.venue.feed import Control
from tests import fleet
from tests.bench.scale import memory, position
from tests.terminal import FOH, Terminal

SIZE, RATE = 3_000, 100.0  # resources; changes a second
KEYS = 40
PAINTED = {"?": b"this help", "escape": b"audio zones"}  # on the screen to which a key leads
Row = tuple[str, float, float]  # what, how much, and the budget


class Crowd:
    """A feed that has no source behind it."""

    control: Control | None = None

    def __init__(self, session: Session) -> None:
        self._session = session

    async def start(self) -> tuple[list[Backend], int]:
        backends, _ = await asyncio.to_thread(registry.load_all)
        return backends, 0

    async def batches(self) -> AsyncIterator[list[Observation]]:
        venue = self._session.venue
        yield list(fleet.fleet(SIZE, venue.clock.now()))
        rooms, instances = fleet.rooms_and_instances(SIZE)
        for number in itertools.count():
            await asyncio.sleep(1 / RATE)
            at = venue.clock.now()
            if number % 2:
                yield [position(venue, number % rooms, number / RATE)]
            else:
                yield [memory(venue, number % instances, at, (number % 1000) << 20)]

    async def stop(self) -> None: ...


async def opened(state: str) -> Session:
    session = Session(of_table({"host": fleet.HOST}, None, "", {"FOH_STATE": state}), {})
    session.feed = Crowd(session)  # type: ignore[assignment]
    return session


def keys(terminal: Terminal) -> list[float]:
    """Milliseconds until the screen to which a key leads is painted, for each of many keys, in order. Most of it
    is Textual's own: what counts is how much later that is than on a quiet console."""
    taken = []
    for key in ("?", "escape") * (KEYS // 2):
        begun, size = time.monotonic(), len(terminal.raw)
        terminal.press(key)
        terminal.until(lambda key=key, size=size: PAINTED[key] in terminal.raw[size:])
        taken.append((time.monotonic() - begun) * 1000)
        terminal.settled(looks=1)
    return sorted(taken)


def p95(taken: list[float]) -> float:
    return taken[int(len(taken) * 0.95)]


def quiet(folder: Path) -> float:
    """The same on a console that has nothing to do."""
    with Terminal(FOH, env={"FOH_STATE": str(folder)}, emulate=False) as terminal:
        terminal.until(lambda: b"no incidents" in terminal.raw)
        terminal.settled()
        return p95(keys(terminal))


def crowd(folder: Path, floor: float) -> list[Row]:
    argv = [sys.executable, "-m", "tests.bench.crowd", str(folder)]
    with Terminal(argv, emulate=False) as terminal:
        terminal.until(lambda: b"room1 " in terminal.raw)
        taken = keys(terminal)
    return [(f"key among {SIZE}, {RATE:g} changes a second, ms later, p95", p95(taken) - floor, 50.0)]


def flood(folder: Path, rate: int, floor: float) -> list[Row]:
    """A voctocore that one of its clients makes say so many lines a second (0: as many as it can)."""
    argv = [sys.executable, "-m", "tests.bench.flood", str(rate)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        env = {"FOH_STATE": str(folder), "FOH_VOCTOMIX_ENDPOINTS": f"127.0.0.1:{server.stdout.readline().strip()}"}
        with Terminal(FOH, env=env, emulate=False) as terminal:
            terminal.until(lambda: (b"mixers 1/1" if rate else b"floods it") in terminal.raw)
            process = psutil.Process(terminal.process.pid)
            before = process.memory_info().rss
            taken = keys(terminal)
            grown = (process.memory_info().rss - before) / 2**20
            begun = time.monotonic()
            terminal.process.send_signal(signal.SIGTERM)
            terminal.ended()
            ended = (time.monotonic() - begun) * 1000
        server.kill()
    what = f"flooded with {rate or 'all possible'} lines a second"
    return [
        (f"key, {what}, ms later, p95", p95(taken) - floor, 50.0),
        (f"memory, {what}, MB more", grown, 20.0),
        (f"end by SIGTERM, {what}, ms", ended, 1000.0),
    ]


def figures(folder: Path) -> list[Row]:
    floor = quiet(folder)
    return [*crowd(folder, floor), *flood(folder, 30_000, floor), *flood(folder, 0, floor)]


def main(state: str) -> None:
    Foh(lambda: opened(state)).run()


if __name__ == "__main__":
    if sys.argv[1:]:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as name:
            for row in figures(Path(name)):
                print(*row)
