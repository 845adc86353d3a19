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
HELP = "this help"  # on the help, and nowhere else
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
    """Milliseconds until something is painted for each of many keys, in order of size."""
    taken = []
    for key in ("?", "escape") * (KEYS // 2):
        begun, help_is_open = time.monotonic(), key == "?"
        terminal.press(key)
        terminal.until(lambda wanted=help_is_open: (HELP in terminal.text) is wanted)
        taken.append((time.monotonic() - begun) * 1000)
        terminal.settled(looks=1)
    return sorted(taken)


def crowd(folder: Path) -> list[Row]:
    with Terminal([sys.executable, "-m", "tests.bench.crowd", str(folder)]) as terminal:
        terminal.until(lambda: "room1 " in terminal.text)
        taken = keys(terminal)
    return [(f"key among {SIZE}, {RATE:g} changes a second, ms, p95", taken[int(len(taken) * 0.95)], 50.0)]


def flood(folder: Path, rate: int) -> list[Row]:
    """A voctocore that one of its clients makes say so many lines a second (0: as many as it can)."""
    argv = [sys.executable, "-m", "tests.bench.flood", str(rate)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        env = {"FOH_STATE": str(folder), "FOH_VOCTOMIX_ENDPOINTS": f"127.0.0.1:{server.stdout.readline().strip()}"}
        with Terminal(FOH, env=env) as terminal:
            terminal.wait_for("mixers 1/1" if rate else "floods it")
            process = psutil.Process(terminal.process.pid)
            before = process.memory_info().rss
            taken = keys(terminal)
            grown = (process.memory_info().rss - before) / 2**20
            begun = time.monotonic()
            terminal.process.send_signal(signal.SIGTERM)
            terminal.ended()
            ended = (time.monotonic() - begun) * 1000
        server.kill()
    what = f"flooded with {rate or 'as many as can be'} lines a second"
    return [
        (f"key, {what}, ms, p95", taken[int(len(taken) * 0.95)], 50.0),
        (f"memory, {what}, MB more", grown, 20.0),
        (f"end by SIGTERM, {what}, ms", ended, 1000.0),
    ]


def figures(folder: Path) -> list[Row]:
    return [*crowd(folder), *flood(folder, 30_000), *flood(folder, 0)]


def main(state: str) -> None:
    Foh(lambda: opened(state)).run()


if __name__ == "__main__":
    if sys.argv[1:]:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as name:
            for row in figures(Path(name)):
                print(*row)
