"""How an ordinary user's console has `foh helper` run as root: by sudo, which one line permits."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from backends.contract import clean
from backends.hardware.helper import OPERATIONS

LONGEST = 10.0  # seconds that an operation may take


def program() -> str:
    """The `foh` that belongs to this Python."""
    return str(Path(sys.executable).with_name("foh"))


def sudoers_line(user: str, foh: str = "") -> str:
    """The one line for /etc/sudoers.d that permits the helper, and only the helper, to a user (sudoers(5))."""
    name = re.sub(r"([^A-Za-z0-9_.-])", r"\\\1", user)
    path = re.sub(r"([ ,:=\\\\])", r"\\\1", foh or program())
    return f"{name} ALL=(root) NOPASSWD: " + ", ".join(f"{path} helper {operation} *" for operation in OPERATIONS)


def exposed(foh: str) -> bool:
    """Whether somebody besides root can change the program: then permitting it is permitting everything."""
    for path in (Path(foh), *Path(foh).parents):
        try:
            status = path.stat()
        except OSError:
            return True
        if status.st_uid != 0 or (status.st_mode & 0o022 and not status.st_mode & 0o1000):
            return True
    return False


async def permitted() -> bool:
    """Whether sudo would run the helper without asking for a password. Never raises for want of sudo."""
    if shutil.which("sudo") is None:
        return False
    asked = ("-l", program(), "helper", "usb-replug", "1-1")  # which a line made by an earlier foh does not permit
    try:
        return (await _sudo(*asked))[0] == 0
    except (OSError, TimeoutError):
        return False


async def by_sudo(argv: Sequence[str]) -> None:
    """Does one operation as root. Raises PermissionError (sudo or the helper said no), OSError, TimeoutError."""
    status, said = await _sudo(program(), "helper", *argv)
    if status:
        raise PermissionError(said or f"the helper ended with {status}")


async def _sudo(*argv: str, within: float = LONGEST) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        "sudo", "-n", *argv,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(within):
            _, said = await process.communicate()
    except BaseException:
        if process.returncode is None:
            process.kill()
        raise
    return process.returncode or 0, clean(said.decode("utf-8", "replace").strip())
