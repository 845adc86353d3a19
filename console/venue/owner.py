"""Which process a run belongs to, in a word that names no other process ever: not after a restart of the machine, and
not when its number is given again."""

from __future__ import annotations

import os
from pathlib import Path

PROC = Path("/proc")
STARTED = 19  # the field of /proc/PID/stat, counted behind the name, that says when it was started (proc(5))


def owner(pid: int | None = None, proc: Path = PROC) -> str:
    """The machine's boot, the process and when it was started; "" if that process does not exist."""
    pid = os.getpid() if pid is None else pid
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
        fields = (proc / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else f"{boot} {pid} {fields[STARTED]}"


def lives(name: str, proc: Path = PROC) -> bool:
    """Whether the process that `owner` named is there still."""
    _, _, rest = name.partition(" ")
    pid = rest.partition(" ")[0]
    return pid.isdecimal() and owner(int(pid), proc) == name
