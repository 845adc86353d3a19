"""`python -m tests.rig [fast|stock|terminal] [PYTEST'S ARGUMENTS]`: builds what is missing, boots, runs the drills,
stops everything. Without a tier it is fast and stock (with --long, all of them), or the one whose drills are named.

`python -m tests.rig [fast|stock] --shell COMMAND` runs any command in the guest instead, in the project's folder.

`python -m tests.rig demo [--still] [FOH'S OPTIONS]` boots the fast tier's guest for the console on this terminal.
`python -m tests.rig ask unplug kitchen` does that, or anything else that can be done to a board, to its venue.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from shlex import join, quote
from types import FrameType
from typing import NoReturn

from tests.rig.build import kernel, root, stock
from tests.rig.demo.host import FOLDERS, ask, attached
from tests.rig.guest import pc, user_mode
from tests.rig.guest.machine import Guest, GuestError, Machine
from tests.run import count

ROOT = Path(__file__).parents[2]
FAST, STOCK, TERMINAL = "fast", "stock", "terminal"
DRILLS = {FAST: "tests/rig/drills", STOCK: "tests/rig/drills/stock", TERMINAL: "tests/rig/drills/terminal"}
SHELL, DEMO, ASK = "--shell", "demo", "ask"
OF_TERMINAL = ("TERM", "COLORTERM", "NO_COLOR")  # what the terminal's programs are told of it
# What pytest is told besides. In software a processor is some 20 times slower, and a drill's deadline with it.
OPTIONS = {
    FAST: [f"--ignore={DRILLS[STOCK]}", f"--ignore={DRILLS[TERMINAL]}"],
    STOCK: ["--timeout=900"],
    TERMINAL: ["--timeout=600"],
}
REPORT = "report.xml"


def main(arguments: Sequence[str]) -> int:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, terminated)
    named, rest = (arguments[:1], arguments[1:]) if arguments[:1] and arguments[0] in DRILLS else ([], arguments)
    try:
        if arguments[:1] == [DEMO]:
            return demo(arguments[1:])
        if arguments[:1] == [ASK]:
            return ask(arguments[1:])
        return drill(named or tiers(rest), rest)
    except KeyboardInterrupt:
        print("rig: interrupted; the guest is stopped", file=sys.stderr)
        return 130


def tiers(arguments: Sequence[str]) -> list[str]:
    """Which tiers are asked for by what is to be run."""
    if arguments[:1] == [SHELL]:
        return [FAST]
    named = [tier_of(each) for each in arguments]
    usual = [FAST, STOCK, TERMINAL] if "--long" in arguments else [FAST, STOCK]
    return [tier for tier in DRILLS if tier in named or (tier in usual and not any(named))]


def tier_of(argument: str) -> str:
    """Of a drill; "" for another argument."""
    return next((tier for tier in (STOCK, TERMINAL, FAST) if DRILLS[tier] in argument), "")


def own(tier: str, arguments: Sequence[str]) -> list[str]:
    """Pytest's arguments without another tier's drills, and with all of this one's where none is named."""
    mine = [each for each in arguments if tier_of(each) in ("", tier)]
    return mine if any(map(tier_of, mine)) else [DRILLS[tier], *mine]


def drill(tiers: Sequence[str], arguments: Sequence[str]) -> int:
    """Boots the tiers' guests side by side, as one of them takes long, and gives each its turn; the worst exit status.
    The terminal's drills boot their own."""
    with contextlib.ExitStack() as stack:
        folders = {tier: Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=FOLDERS))) for tier in tiers}
        try:
            guests = {tier: made(tier, folder) for tier, folder in folders.items() if tier != TERMINAL}
        except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
            print(f"rig: cannot be built: {error}", file=sys.stderr)
            return 1
        machines = {tier: Machine(guest, folders[tier]) for tier, guest in guests.items()}
        for tier, machine in machines.items():
            stack.callback(machine.stop)
            machine.start(command(tier, arguments), environment())
        done = [turn(tier, machine, arguments) for tier, machine in machines.items()]
        return max([*done, *([terminal(folders[TERMINAL], arguments)] if TERMINAL in folders else [])])


def turn(tier: str, machine: Machine, arguments: Sequence[str]) -> int:
    begun = time.monotonic()
    try:
        status, booted = machine.finish(tell)
    except GuestError as error:
        print(f"rig: {error}", file=sys.stderr)
        return 1
    machine.stop()
    print(f"rig: {tier} tier: booted in {booted:.1f} s, its turn took {time.monotonic() - begun:.0f} s", flush=True)
    return status if SHELL in arguments[:1] else judged(status, machine.folder / REPORT)


def terminal(folder: Path, arguments: Sequence[str]) -> int:
    ran = subprocess.run(pytest(TERMINAL, arguments, folder / REPORT), cwd=ROOT, check=False)
    return judged(ran.returncode, folder / REPORT)


def demo(options: Sequence[str]) -> int:
    """Boots the fast tier's guest for the console on this terminal; the console's exit status."""
    late: list[str] = []  # what is said while the console has the terminal
    with tempfile.TemporaryDirectory(prefix=FOLDERS) as name:
        folder = Path(name)
        try:
            program, image = kernel.kernel(), root.image()
            print("rig: booting", flush=True)
            with attached(folder) as line:
                guest = user_mode.guest(program, image, folder, shares(), line.theirs.fileno())
                run = f"cd {quote(str(ROOT))} && {join([sys.executable, '-m', 'tests.rig.demo.guest', *options])}"
                told = {each: os.environ[each] for each in OF_TERMINAL if each in os.environ}
                say = lambda text: late.append(text) if line.taken.is_set() else tell(text)  # noqa: E731
                status, _ = Machine(guest, folder).run(run, environment() | told, say, math.inf)
        except (RuntimeError, OSError, subprocess.CalledProcessError, GuestError) as error:
            print(f"rig: {error}", file=sys.stderr)
            return 1
    if status:
        print("".join(late), file=sys.stderr, end="")
    return status


def made(tier: str, folder: Path) -> Guest:
    if tier == FAST:
        return user_mode.guest(kernel.kernel(), root.image(), folder, shares())
    image = root.image()
    return pc.guest(*stock.kernel(image), image, folder, shares())


def judged(status: int, report: Path) -> int:
    """Says the totals. Nothing run, or anything left out, is a failure."""
    if not report.exists():
        print(f"rig: the drills left no report (exit status {status})", file=sys.stderr)
        return status or 1
    totals = count(report)
    print(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped")
    return status or (1 if totals["failed"] or totals["skipped"] or not totals["passed"] else 0)


def command(tier: str, arguments: Sequence[str]) -> str:
    if arguments[:1] == [SHELL]:
        return f"cd {quote(str(ROOT))} && {' '.join(arguments[1:])}"
    return f"cd {quote(str(ROOT))} && {join(pytest(tier, arguments, Path('/run/rig', REPORT)))}"


def pytest(tier: str, arguments: Sequence[str], report: Path) -> list[str]:
    run = [sys.executable, "-m", "pytest", "-v", "-p", "no:xdist", f"--junitxml={report}"]
    return [*run, *OPTIONS[tier], *own(tier, arguments)]


def shares() -> list[Path]:
    """What of this machine the guest sees: the checkout, and the Python that runs it where Debian did not bring it."""
    wanted = [ROOT, *(Path(each) for each in (sys.prefix, sys.base_prefix) if each not in ("/usr", "/"))]
    return [each for each in dict.fromkeys(wanted) if not any(each.is_relative_to(o) for o in wanted if o != each)]


def environment() -> dict[str, str]:
    """Nothing is written beside the sources; the guest's own Debian finds the same programs."""
    return {"PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8", "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}


def tell(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def terminated(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
