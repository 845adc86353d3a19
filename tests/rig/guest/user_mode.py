"""The fast tier's machine: a User Mode Linux kernel, which is a program like any other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tests.rig.guest.machine import MEMORY, Guest, fstab


def guest(kernel: Path, image: Path, folder: Path, shares: Sequence[Path], line: int = -1) -> Guest:
    """The image stays as it is: what the guest writes goes to a file beside the folder's others. `line` is a descriptor
    that the guest has as its /dev/ttyS0."""
    serial = [f"ssl0=fd:{line}"] if line >= 0 else []
    arguments = [
        f"mem={MEMORY}M", f"ubd0={folder}/written,{image}", "root=/dev/ubda", "rw", f"uml_dir={folder}/", "umid=rig",
        "con0=null,fd:1", "con=null", "ssl=null", *serial,
        "init=/sbin/rig-start", f"rig=hostfs:{folder}", "quiet", "panic=-1",
    ]  # fmt: skip
    mounted = fstab(("none", share, "hostfs", f"ro,{share}") for share in shares)
    return Guest([*on_one_processor(), str(kernel), *arguments], mounted, (line,) if line >= 0 else ())


def on_one_processor() -> list[str]:
    """Its kernel and the guest's programs are processes of this machine that take turns: on one processor, what they
    share stays in its cache, and none is woken by a message from another. It saves a tenth of the time."""
    return ["taskset", "--cpu-list", str(max(os.sched_getaffinity(0)))]
