"""`python -m tests.rig [fast|stock] [PYTEST'S ARGUMENTS]`: builds what is missing, boots, runs the drills, stops
everything. Without a tier it is both, or the one whose drills are named.

`python -m tests.rig [fast|stock] --shell COMMAND` runs any command in the guest instead, in the project's folder.
"""

from __future__ import annotations

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
from tests.rig.guest import pc, user_mode
from tests.rig.guest.machine import Guest, GuestError, Machine
from tests.run import count

ROOT = Path(__file__).parents[2]
FAST, STOCK = "fast", "stock"
DRILLS = {FAST: "tests/rig/drills", STOCK: "tests/rig/drills/stock"}
SHELL = "--shell"
# What pytest is told besides. In software a processor is some 20 times slower, and a drill's deadline with it.
OPTIONS = {FAST: [f"--ignore={DRILLS[STOCK]}"], STOCK: ["--timeout=900"]}


def main(arguments: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, terminated)
    named, rest = (arguments[:1], arguments[1:]) if arguments[:1] and arguments[0] in DRILLS else ([], arguments)
    try:
        return max(drill(tier, rest) for tier in named or tiers(rest))
    except KeyboardInterrupt:
        print("rig: interrupted; the guest is stopped", file=sys.stderr)
        return 130


def tiers(arguments: Sequence[str]) -> list[str]:
    """Which tiers are asked for by what is to be run."""
    if arguments[:1] == [SHELL]:
        return [FAST]
    named = [tier_of(each) for each in arguments]
    return [tier for tier in DRILLS if tier in named or not any(named)]


def tier_of(argument: str) -> str:
    """Of a drill; "" for another argument."""
    return STOCK if DRILLS[STOCK] in argument else FAST if DRILLS[FAST] in argument else ""


def own(tier: str, arguments: Sequence[str]) -> list[str]:
    """Pytest's arguments without another tier's drills, and with all of this one's where none is named."""
    mine = [each for each in arguments if tier_of(each) in ("", tier)]
    return mine if any(map(tier_of, mine)) else [DRILLS[tier], *mine]


def drill(tier: str, arguments: Sequence[str]) -> int:
    """Boots one tier's guest for one command; its exit status."""
    with tempfile.TemporaryDirectory(prefix="foh-rig-") as name:
        folder = Path(name)
        try:
            guest = made(tier, folder)
        except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
            print(f"rig: cannot be built: {error}", file=sys.stderr)
            return 1
        begun = time.monotonic()
        try:
            status, booted = Machine(guest, folder).run(command(tier, arguments), environment(), tell)
        except GuestError as error:
            print(f"rig: {error}", file=sys.stderr)
            return 1
        print(f"rig: {tier} tier: booted in {booted:.1f} s, all in {time.monotonic() - begun:.0f} s", flush=True)
        return status if SHELL in arguments[:1] else judged(status, folder / "report.xml")


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
    pytest = [sys.executable, "-m", "pytest", "-v", "-p", "no:xdist", "--junitxml=/run/rig/report.xml"]
    return f"cd {quote(str(ROOT))} && {join([*pytest, *OPTIONS[tier], *own(tier, arguments)])}"


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
