"""`make bench`: what the screen costs, as ratios to a bare Textual application measured in the same run.

And how soon what happens is on the screen, as ratios to a bare observer of the same event (`soon.py`).

Both programs run on a pty of 160x48. Machines are noisy, so a figure is the median of several runs, the two taken in
turns, and what counts is the ratio; the budgets in seconds and bytes stand beside it.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from tests.bench import crowd, scale, soon
from tests.integration.beds.mopidy import ZONES, make_track, mopidies
from tests.terminal import BARE, Terminal

RUNS, IDLE, KEYS, TURNS = 5, 20.0, 24, 3
STILL = 60  # looks in a row at which nothing is written
FOH = [str(Path(sys.executable).parent / "foh"), "demo", "--still"]


def start_of(argv: Sequence[str], until: str, env: dict[str, str]) -> tuple[float, float]:
    """Milliseconds from exec to the first byte and to a text on the screen."""
    begun = time.monotonic()
    with Terminal(argv, 160, 48, env, emulate=False) as terminal:
        terminal.until(lambda: terminal.raw)
        first = time.monotonic() - begun
        terminal.until(lambda: until.encode() in terminal.raw)
        return first * 1000, (time.monotonic() - begun) * 1000


def steady(env: dict[str, str]) -> dict[str, float]:
    """Bytes, CPU and memory of the still console, and how fast it answers keys."""
    with Terminal(FOH, 160, 48, env, emulate=False) as terminal:
        terminal.until(lambda: b"encode3 is stopped" in terminal.raw)
        terminal.settled(STILL)
        own = psutil.Process(terminal.process.pid)
        before, sent = own.cpu_times(), len(terminal.raw)
        time.sleep(IDLE)
        after, said = own.cpu_times(), len(terminal.raw) - sent
        terminal.press("1")
        terminal.settled()
        waits = sorted(_answer(terminal, key) for key in "jjjjkkkk" * (KEYS // 8))
        return {
            "idle bytes/s": said / IDLE,
            "idle CPU %": (after.user + after.system - before.user - before.system) / IDLE * 100,
            "PSS MB": own.memory_full_info().pss / 2**20,
            "key ms, median": statistics.median(waits),
            "key ms, p95": waits[int(len(waits) * 0.95)],
        }


def _answer(terminal: Terminal, key: str) -> float:
    """Milliseconds until something is painted for a key."""
    size, begun = len(terminal.raw), time.monotonic()
    terminal.press(key)
    terminal.until(lambda: len(terminal.raw) > size)
    took = (time.monotonic() - begun) * 1000
    terminal.settled(looks=1)
    return took


def watching(folder: Path) -> dict[str, float]:
    """What it costs nine real Mopidys that play to be watched, and the console to watch them, in percent of a core:
    they are measured without it and with it, in turns."""
    with mopidies(folder) as servers:
        for server in servers.values():
            server.play(make_track(server.media / "a.flac", server.name, length=600))
        players = [psutil.Process(server.process.pid) for server in servers.values()]
        endpoints = ",".join(server.endpoint for server in servers.values())
        alone, watched, own = [], [], []
        for _ in range(TURNS):
            alone.append(_spent(players))
            with Terminal(FOH[:1], 160, 48, {"FOH_STATE": str(folder), "FOH_MOPIDY_ENDPOINTS": endpoints}) as terminal:
                terminal.until(lambda: terminal.text.count(" playing ") == len(ZONES))
                terminal.settled()
                console = psutil.Process(terminal.process.pid)
                begun = sum(console.cpu_times()[:2])
                watched.append(_spent(players))
                own.append((sum(console.cpu_times()[:2]) - begun) / IDLE * 100)
    more = statistics.median(watched) - statistics.median(alone)
    return {"nine Mopidys watched, more CPU %": more, "nine zones playing, console CPU %": statistics.median(own)}


def _spent(processes: list[psutil.Process]) -> float:
    """What they use together, in percent of a core, over `IDLE` seconds."""
    before = sum(sum(process.cpu_times()[:2]) for process in processes)
    time.sleep(IDLE)
    return (sum(sum(process.cpu_times()[:2]) for process in processes) - before) / IDLE * 100


def main() -> int:
    with tempfile.TemporaryDirectory() as state:
        env = {"FOH_STATE": state}
        bare, console = [], []
        for _ in range(RUNS):
            bare.append(start_of(BARE, "zone 8", env))
            console.append(start_of(FOH, "containers", env))
        floor = statistics.median(shown for _, shown in bare)
        panes = statistics.median(shown for _, shown in console)
        ratio = statistics.median(c[1] / b[1] for b, c in zip(bare, console, strict=True))
        rows: list[tuple[str, float, float]] = [
            ("first frame, ms", statistics.median(first for first, _ in console), 50),
            ("panes, as a ratio to the bare application's table", ratio, 1.25),
        ]
        limits = {"idle bytes/s": 25, "idle CPU %": 1, "PSS MB": 80, "key ms, median": 5, "key ms, p95": 20}
        limits |= {"nine Mopidys watched, more CPU %": 3, "nine zones playing, console CPU %": 3}
        figures = steady(env) | watching(Path(state))
        rows += [(name, value, limits[name]) for name, value in figures.items()]
        rows += soon.figures(Path(state))
        rows += crowd.figures(Path(state))
    scale.main(scale.SIZES)
    print(f"bare application {floor:.0f} ms, console {panes:.0f} ms (medians of {RUNS})")
    for name, value, limit in rows:
        print(f"{'ok  ' if value <= limit else 'OVER'}  {name:<52} {value:8.2f}  budget {limit}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
