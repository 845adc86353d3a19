"""Whether a file is root's alone: what root runs or believes must not be writable by anybody else."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

LINKS = 40  # on one way, as the kernel allows (path_resolution(7))
ACCESS_LIST = "system.posix_acl_access"  # acl(5): may permit more than the mode shows


def exposure(path: str | Path) -> str:
    """How another than root could change a file, by itself, by a link or by a folder above it; "" if nobody can."""
    try:
        return next(filter(None, map(_exposure, dict.fromkeys(_passed(Path(path))))), "")
    except OSError as error:
        return f"{path}: {error.strerror}"


def _passed(path: Path) -> Iterator[Path]:
    """Every folder and link that is passed on the way to a file, and the file. Raises OSError."""
    real = path.resolve(strict=True)
    for _ in range(LINKS):
        path = Path(os.path.abspath(path))  # noqa: PTH100  (`resolve` would skip the links)
        for each in (*reversed(path.parents), path):
            yield each
            if each.is_symlink():
                path = each.parent / each.readlink() / path.relative_to(each)
                break
        else:
            break
    yield from (*real.parents, real)


def _exposure(path: Path) -> str:
    status = path.lstat()
    mode, sticky = status.st_mode, bool(status.st_mode & stat.S_ISVTX)
    if status.st_uid != 0:
        return f"{path} belongs to user {status.st_uid}"
    if stat.S_ISLNK(mode):
        return ""
    if mode & stat.S_IWOTH and not sticky:
        return f"everybody can write to {path}"
    if mode & stat.S_IWGRP and not sticky and (members := _members(status.st_gid)):
        return f"{members} can write to {path}"
    if not sticky and ACCESS_LIST in os.listxattr(path):
        return f"{path} has an access list"
    return ""


def _members(gid: int) -> str:
    """Who belongs to a group besides root."""
    try:
        group = grp.getgrgid(gid)
    except KeyError:
        return f"group {gid}"
    names = {*group.gr_mem, *(user.pw_name for user in pwd.getpwall() if user.pw_gid == gid)} - {"root"}
    return f"group {group.gr_name}" if names else ""
