"""`python -m tests.rig [PYTEST'S ARGUMENTS]`: builds what is missing, boots, runs the drills, stops everything.

`python -m tests.rig --shell COMMAND` runs any command in the guest instead, in the project's folder.
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

from tests.rig.build.kernel import kernel
from tests.rig.build.root import image
from tests.rig.guest.machine import GuestError, Machine
from tests.run import count

ROOT = Path(__file__).parents[2]
DRILLS = "tests/rig/drills"


def main(arguments: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, terminated)
    try:
        made = kernel(), image()
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        print(f"rig: cannot be built: {error}", file=sys.stderr)
        return 1
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="foh-rig-") as name:
        folder = Path(name)
        try:
            status, booted = Machine(*made, folder).run(command(arguments), shares(), environment(), tell)
        except GuestError as error:
            print(f"rig: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("rig: interrupted; the guest is stopped", file=sys.stderr)
            return 130
        print(f"rig: booted in {booted:.1f} s, all in {time.monotonic() - begun:.0f} s", flush=True)
        return status if "--shell" in arguments[:1] else judged(status, folder / "report.xml")


def judged(status: int, report: Path) -> int:
    """Says the totals. Nothing run, or anything left out, is a failure."""
    if not report.exists():
        print(f"rig: the drills left no report (exit status {status})", file=sys.stderr)
        return status or 1
    totals = count(report)
    print(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped")
    return status or (1 if totals["failed"] or totals["skipped"] or not totals["passed"] else 0)


def command(arguments: Sequence[str]) -> str:
    if arguments[:1] == ["--shell"]:
        return f"cd {quote(str(ROOT))} && {' '.join(arguments[1:])}"
    pytest = [sys.executable, "-m", "pytest", "-v", "-p", "no:xdist", "--junitxml=/run/rig/report.xml"]
    chosen = [] if any(DRILLS in argument for argument in arguments) else [DRILLS]
    return f"cd {quote(str(ROOT))} && {join([*pytest, *chosen, *arguments])}"


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
