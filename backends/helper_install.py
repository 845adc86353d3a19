"""Installs the root helper, and permits it to an operator or a group, as root."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import re
import subprocess
from pathlib import Path

from backends import sudo
from backends.contract import Refused, clean
from backends.helper import program

SUDOERS = Path("/etc/sudoers.d")
VISUDO = 10.0  # seconds for visudo to check one line
_NAME = re.compile(r"%?[A-Za-z_][A-Za-z0-9_.-]{0,31}").fullmatch


def sudoers_file(who: str) -> Path:
    """The file of one operator or group, so that none overwrites another's. sudo ignores names with a dot
    (sudoers(5), @includedir)."""
    return SUDOERS / ("foh-" + who.replace("%", "group-").replace(".", "_dot_"))


def sudoers_line(who: str) -> str:
    """Permits the helper, and only the helper, which checks its own arguments."""
    return f"{who} ALL=(root) NOPASSWD: {sudo.PROGRAM}\n"


def refusal(who: str) -> str:
    """Why it is not installed for this operator, or %group; "" if it can be. Blocking."""
    if not _NAME(who):
        return f"{clean(who, 40)!r} is not the name of a user, nor %GROUP"
    try:
        _ = grp.getgrnam(who[1:]) if who.startswith("%") else pwd.getpwnam(who)
    except KeyError:
        return f"there is no {'group' if who.startswith('%') else 'user'} {who.removeprefix('%')}"
    if reason := sudo.exposed([sudo.PROGRAM, SUDOERS, *filter(os.path.exists, sudo.RUNS)]):
        return f"it would not be root's alone: {clean(reason)}"
    return ""


def description(who: str) -> str:
    """What `install` will do, for the one who is asked."""
    lines = [f"{who} may then do this as root, through sudo and without a password:", ""]
    lines += [f"    {operation}" for operation in program.OPERATIONS]
    lines += ["", "These files are written, and belong to root:", ""]
    lines += [f"    {path}" for path in (*sudo.files(), sudoers_file(who))]
    return "\n".join([*lines, "", f"The last one says: {sudoers_line(who)}"])


def install(who: str) -> None:
    """Writes the helper, then the permission. Blocking. Raises Refused, OSError."""
    if reason := refusal(who):
        raise Refused(reason)
    for folder in (sudo.PREFIX, sudo.CODE):
        folder.mkdir(mode=0o755, exist_ok=True)
        folder.chmod(0o755)
    for path, text in sudo.files().items():
        _write(path, text, 0o755 if path == sudo.PROGRAM else 0o644)
    if reason := sudo.unusable():
        raise Refused(reason)
    _write(sudoers_file(who), sudoers_line(who), 0o440, check=True)


def _write(path: Path, text: str, mode: int, check: bool = False) -> None:
    """Replaces a file. With `check`, visudo must accept it first."""
    fresh = path.with_name(f".{path.name}.new")  # sudo and Python read no such name
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
        fresh.chmod(mode)
        if check:
            subprocess.run(["visudo", "-cf", str(fresh)], check=True, capture_output=True, timeout=VISUDO)
        fresh.replace(path)
    except subprocess.SubprocessError as error:
        raise OSError(f"visudo does not accept {path}: {error}") from error
    finally:
        os.close(descriptor)
        with contextlib.suppress(FileNotFoundError):  # it is in place
            fresh.unlink()
