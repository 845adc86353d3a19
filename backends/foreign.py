"""What other users leave on this machine: files, processes and addresses. Nothing here trusts it.

Blocking: a network file system can hang, so the caller runs this in its source's thread, which has a deadline.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import stat
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING

from backends.contract import clean

if TYPE_CHECKING:
    import psutil

LARGEST = 1 << 18  # bytes of a configuration: the largest that a player's package ships has 20,000
FIRST_ORDINARY = 1000  # user ids below are the system's (login.defs(5), UID_MIN)
DYNAMIC = range(61184, 65520)  # users that systemd makes for a service (systemd.exec(5), DynamicUser=)
_HOST = re.compile(r"[A-Za-z0-9_.-]{1,253}").fullmatch
_PORT = re.compile(r"[0-9]{1,5}").fullmatch

# --- files ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[tuple[int, os.stat_result]]:
    """A regular file, open to be read. Neither waits for a FIFO's writer nor opens a device: it looks at what the name
    leads to before it opens just that. Raises OSError."""
    found = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(found).st_mode):
            raise OSError(f"{clean(path)} is not a regular file")
        try:
            file = os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:  # names the descriptor, which says nothing to anybody
            raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        os.close(found)
    try:
        yield file, os.fstat(file)
    finally:
        os.close(file)


def read_file(path: str | Path, limit: int = LARGEST) -> bytes:
    """The whole of a regular file. Raises OSError, also for one of more than `limit` bytes."""
    data = bytearray()
    with opened(path) as (file, _):
        while len(data) <= limit and (piece := os.read(file, limit + 1 - len(data))):
            data += piece
    if len(data) > limit:
        raise OSError(f"{clean(path)} has more than {limit} bytes")
    return bytes(data)


# --- processes --------------------------------------------------------------------------------------------


def is_trusted(uid: int) -> bool:
    """Whether what a user's processes say of themselves is configuration: root's, a service's, and our own user's."""
    return uid < FIRST_ORDINARY or uid in DYNAMIC or uid == os.geteuid()


def stranger(process: psutil.Process) -> str:
    """Whose a process is where that is no reason to believe it; "" for one that is believed. A program that changes
    its user is believed only where both are. Raises psutil.Error."""
    return next((user_name(uid) for uid in process.uids() if not is_trusted(uid)), "")


def user_name(uid: int) -> str:
    """A user as people call them."""
    try:
        return clean(pwd.getpwuid(uid).pw_name, 40)
    except KeyError:
        return f"user {uid}"


# --- addresses --------------------------------------------------------------------------------------------


def is_address(text: str) -> bool:
    """Whether it is `host:port`, where the host is a name, an IPv4 address, or an IPv6 address in brackets."""
    host, _, port = text.rpartition(":")
    if not (_PORT(port) and 0 < int(port) < 65536):
        return False
    if host.startswith("[") and host.endswith("]"):
        try:
            return IPv6Address(host[1:-1]).scope_id is None
        except AddressValueError:
            return False
    return _HOST(host) is not None and not host.startswith("-")
