"""The programs that have a USB device's node open: while it is open, the kernel keeps the device awake
(drivers/usb/core/devio.c, usbdev_open). Reads the links in /proc/PID/fd and opens nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from backends.contract import Unknown, Why, clean
from backends.sysfs import read_text

PROC = Path("/proc")
NOBODY = "nobody"


def node(bus: int, number: int) -> str:
    return f"/dev/bus/usb/{bus:03d}/{number:03d}"


def holders(nodes: Iterable[str], proc: Path = PROC) -> dict[str, str | Unknown]:
    """For each node the programs that have it open, such as "fwupd (812)", or NOBODY. Unknown if some processes cannot
    be read."""
    found: dict[str, list[str]] = {node: [] for node in nodes}
    hidden = 0
    for process in proc.iterdir():
        if not process.name.isdecimal():
            continue
        try:
            opened = {_target(entry) for entry in os.scandir(process / "fd")}
            for node in opened & found.keys():
                found[node].append(f"{clean(read_text(process / 'comm'), 40)} ({process.name})")
        except PermissionError:
            hidden += 1
        except OSError:  # it has ended
            continue
    return {node: _said(node, programs, hidden) for node, programs in found.items()}


def _said(node: str, programs: list[str], hidden: int) -> str | Unknown:
    if programs or not hidden:
        return ", ".join(sorted(programs)) or NOBODY
    return Unknown(Why.DENIED, f"{hidden} processes of other users cannot be read: sudo fuser -v {node}")


def _target(entry: os.DirEntry[str]) -> str:
    try:
        return str(Path(entry.path).readlink())
    except FileNotFoundError:  # closed meanwhile
        return ""
