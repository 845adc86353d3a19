"""`python -m tests.rig.demo.guest [--still] [FOH'S OPTIONS]`, in the guest: plugs the boards in, has a player play to
each, and runs the console on the serial line. Each minute another board is pulled for a while, unless the world is to
stand still; and whatever the person asks for on another terminal is done to the boards."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path

from tests.rig.demo.host import ANSWERED, ASKED, SIZE
from tests.rig.devices.venue import ROOMS
from tests.rig.drills.console import Foh
from tests.rig.drills.venue import Venue, emulated, write
from tests.rig.drills.zones import zones

LINE = "/dev/ttyS0"
FOLDER, OWN = Path("/run/rig"), Path("/tmp")
STILL = "--still"
FIRST = -10  # the console's niceness: nine players and their boards share one processor with it
AWAY = (20, 40)  # from which second of a minute, and until which
LOOK = 0.2  # seconds between two looks at the clock, at the terminal's size and at what is asked for


def away(seconds: float) -> str:
    """The room whose board is pulled so long after the start; "" for none."""
    minute, second = divmod(seconds, 60)
    return ROOMS[int(minute) % len(ROOMS)] if AWAY[0] <= second < AWAY[1] else ""


def main(options: Sequence[str]) -> int:
    print("rig: plugging nine boards in", flush=True)
    with emulated(OWN) as venue:
        for port in venue.homes.values():
            write(port, "power/control", "auto")  # there is nothing to complain of
        print("rig: starting nine players", flush=True)
        with zones(OWN, ROOMS) as music:
            for server in music.servers.values():
                server.rpc("core.tracklist.set_repeat", value=True)
            music.play(*ROOMS)
            foh = Foh(OWN)
            foh.configure(music.venue_file())
            return console(venue, foh.env, options)


def console(venue: Venue, env: dict[str, str], options: Sequence[str]) -> int:
    """Runs it until the person leaves it; its exit status."""
    line = os.open(LINE, os.O_RDWR | os.O_NOCTTY)
    size, done, pulled = resized(line, (0, 0)), 0, ""
    argv = [sys.executable, "-m", "console", *(each for each in options if each != STILL)]

    def enter() -> None:
        os.nice(FIRST)
        os.login_tty(line)

    process = subprocess.Popen(argv, preexec_fn=enter, env={**os.environ, **env})
    begun = time.monotonic()
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(LOOK)
        size = resized(line, size)
        done = obeyed(venue, done)
        now = "" if STILL in options else away(time.monotonic() - begun)
        if now != pulled:
            venue.ask("unplug" if now else "plug", name=now or pulled)
            pulled = now


def resized(line: int, size: tuple[int, int]) -> tuple[int, int]:
    """The terminal's size, given to the line where it is another; the kernel then tells the console."""
    columns, rows = map(int, (FOLDER / SIZE).read_text().split())
    if (columns, rows) != size:
        termios.tcsetwinsize(line, (rows, columns))
    return columns, rows


def obeyed(venue: Venue, done: int) -> int:
    """Does what has been asked for since so many commands were done; how many are done now."""
    asked = (FOLDER / ASKED).read_text().splitlines()
    for command in asked[done:]:
        try:
            answer = f"done: {venue.ask(**json.loads(command))}".removesuffix(": None")
        except (AssertionError, TypeError) as error:
            answer = f"not done: {error}"
        with (FOLDER / ANSWERED).open("a") as answers:
            answers.write(answer.replace("\n", " ") + "\n")
    return len(asked)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
