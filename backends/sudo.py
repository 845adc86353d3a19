"""What needs root, for an ordinary user's console: done through sudo by the root helper (backends/helper), as it is
installed where only root can write."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from backends import children, helper
from backends.contract import IO, Need, Output, Refused, clean
from backends.helper import program
from backends.helper.trust import exposure
from backends.shell import shell

Run: TypeAlias = Callable[[Sequence[str], float], Awaitable[Output]]  # contract.IO.run

PREFIX = Path("/usr/local/lib/foh")
PROGRAM, CODE = PREFIX / "foh-helper", PREFIX / "helper"
INTERPRETER = "/usr/bin/python3"
RUNS = (INTERPRETER, "/usr/bin/systemctl")  # what the helper runs besides its own files
LAUNCHER = f"""#!{INTERPRETER} -I
\"\"\"foh's root helper. Installed by `foh doctor --install-helper`; `foh doctor` says what it is for.\"\"\"
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, "{PREFIX}")
from helper.program import main

sys.exit(main(sys.argv[1:]))
"""

LONGEST = 10.0  # seconds that an operation may take
BELIEVED = 60.0  # seconds for which an answer about a permission is valid
NEEDED = "needs foh's root helper: run `foh doctor`"  # why an action is blocked without it


def files() -> dict[Path, str]:
    """The text of each file of the helper, as it is installed."""
    ours = sorted(Path(helper.__file__).parent.glob("*.py"))
    return {PROGRAM: LAUNCHER} | {CODE / path.name: path.read_text() for path in ours}


def exposed(paths: Sequence[str | Path]) -> str:
    """How another than root could change one of these; "" if nobody can. If a file is missing, the folder counts in
    which it would be. Blocking."""
    present = (next(each for each in (Path(path), *Path(path).parents) if os.path.lexists(each)) for path in paths)
    return next(filter(None, map(exposure, present)), "")


def unusable() -> str:
    """Why the installed helper must not be used, or "". Blocking."""
    expected = files()
    if not PROGRAM.exists():
        return NEEDED
    if reason := exposed([*expected, *filter(os.path.exists, RUNS)]):
        return f"foh's root helper is not root's alone: {clean(reason)}"
    try:
        same = all(path.read_text() == text for path, text in expected.items())
    except (OSError, ValueError):
        same = False
    return "" if same else "foh's root helper is of another version of foh: run `foh doctor`"


def install_command(user: str) -> str:
    """How to get the permission, for `foh doctor`: a command, unless what it installs could be changed by others."""
    if reason := exposed([PROGRAM, *filter(os.path.exists, RUNS)]):
        return f"make it root's alone first: {clean(reason)}"
    foh = Path(sys.executable).with_name("foh")
    return shell(("sudo", str(foh), "doctor", "--install-helper", user))


async def lacking(run: Run, *operation: str) -> str:
    """Why an ordinary user's foh cannot do this operation as root, or "" if sudo permits it without a password."""
    if reason := await asyncio.to_thread(unusable):
        return reason
    try:
        ran = await run(("sudo", "-n", "-l", str(PROGRAM), *operation), LONGEST)
    except (OSError, ValueError):  # there is no sudo, or it does not answer
        return NEEDED
    return NEEDED if ran.status else ""


def need(what: str, user: str, *operation: str) -> Need:
    """Whether this process may do an operation as root, for `foh doctor`. Blocking."""
    reason = asyncio.run(lacking(children.run, *operation)) if os.geteuid() else ""
    said = "root" if not os.geteuid() else f"an ordinary user; {reason}" if reason else "by sudo"
    return Need(what, not reason, said, install_command(user))


class Permission:
    """Whether sudo permits an operation. One answer serves all callers for BELIEVED seconds."""

    def __init__(self, *operation: str) -> None:
        self._operation, self._asked = operation, 0.0
        self._answer: asyncio.Future[str] | None = None

    async def lacking(self, io: IO, afresh: bool = False) -> str:
        """Why it does not, or ""."""
        now = io.clock()
        if self._answer is None or afresh or not 0 <= now - self._asked <= BELIEVED:
            self._asked, self._answer = now, asyncio.ensure_future(lacking(io.run, *self._operation))
        return await asyncio.shield(self._answer)


async def by_sudo(argv: Sequence[str], io: IO) -> None:
    """Does one operation as root. Raises PermissionError (sudo or the helper said no), OSError, TimeoutError."""
    ran = await io.run(("sudo", "-n", str(PROGRAM), *argv), LONGEST)
    if ran.status:
        raise PermissionError(clean(ran.complaint.strip()) or f"the helper ended with {ran.status}")


def here(argv: Sequence[str], operations: program.Operations = program.OPERATIONS) -> None:
    """Does one operation in this process, which may itself write what it changes. Blocking. Raises Refused, OSError."""
    try:
        program.run(argv, operations)
    except helper.Refused as refusal:
        raise Refused(str(refusal)) from refusal
