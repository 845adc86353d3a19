"""Runs `foh helper` as root for an ordinary user's console, through sudo; one line in sudoers permits it."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from backends.contract import IO, Output, clean

Run: TypeAlias = Callable[[Sequence[str], float], Awaitable[Output]]  # contract.IO.run

LONGEST = 10.0  # seconds that an operation may take
BELIEVED = 60.0  # seconds for which an answer about a permission is valid
NEEDED = "needs `foh helper`: run `foh doctor`"  # why an action is blocked without it
OPERATIONS = (  # all operations of registry.helper: one line permits them
    "usb-power", "usb-release-hid", "usb-restore-hid", "usb-keep-rule", "usb-forget-rule", "usb-name-card",
    "usb-unname-card", "usb-replug", "player-restart",
)  # fmt: skip


def program() -> str:
    """The `foh` that belongs to this Python."""
    return str(Path(sys.executable).with_name("foh"))


def sudoers_line(user: str, foh: str = "") -> str:
    """The line for /etc/sudoers.d that permits a user the helper, and only the helper (sudoers(5))."""
    name = re.sub(r"([^A-Za-z0-9_.-])", r"\\\1", user)
    path = re.sub(r"([ ,:=\\\\])", r"\\\1", foh or program())
    return f"{name} ALL=(root) NOPASSWD: " + ", ".join(f"{path} helper {operation} *" for operation in OPERATIONS)


def exposed(foh: str) -> bool:
    """Whether a user other than root can change the program: then permitting it would permit everything."""
    for path in (Path(foh), *Path(foh).parents):
        try:
            status = path.stat()
        except OSError:
            return True
        if status.st_uid != 0 or (status.st_mode & 0o022 and not status.st_mode & 0o1000):
            return True
    return False


def grant_command(user: str) -> str:
    """The command that writes that line, for `foh doctor`."""
    foh = program()
    warning = " (first make it, and all folders above it, root's: now others can change it)" if exposed(foh) else ""
    return f"echo '{sudoers_line(user)}' | sudo tee /etc/sudoers.d/foh{warning}"


async def permitted(run: Run, *operation: str) -> bool:
    """Whether sudo would run the helper for this operation without a password. False without sudo. A line written by an
    earlier foh permits less."""
    try:
        return (await run(("sudo", "-n", "-l", program(), "helper", *operation), LONGEST)).status == 0
    except (OSError, ValueError):
        return False


class Permission:
    """Whether sudo permits an operation. One answer serves all callers for BELIEVED seconds."""

    def __init__(self, *operation: str) -> None:
        self._operation, self._asked = operation, 0.0
        self._answer: asyncio.Future[bool] | None = None

    async def given(self, io: IO, afresh: bool = False) -> bool:
        now = io.clock()
        if self._answer is None or afresh or not 0 <= now - self._asked <= BELIEVED:
            self._asked, self._answer = now, asyncio.ensure_future(permitted(io.run, *self._operation))
        return await asyncio.shield(self._answer)


async def by_sudo(argv: Sequence[str], io: IO) -> None:
    """Does one operation as root. Raises PermissionError (sudo or the helper said no), OSError, TimeoutError."""
    ran = await io.run(("sudo", "-n", program(), "helper", *argv), LONGEST)
    if ran.status:
        raise PermissionError(clean(ran.complaint.strip()) or f"the helper ended with {ran.status}")
