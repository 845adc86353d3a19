"""Debian's own kernel, and the initial file system that Debian made for it: taken out of the root image."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path

from tests.rig.build import cache, debian

TOOLS = (
    "e2fsprogs", "qemu-system-x86",
    "gstreamer1.0-tools", "gstreamer1.0-plugins-base", "gstreamer1.0-plugins-good",  # an emulated camera's pictures
)  # fmt: skip


def kernel(image: Path) -> tuple[Path, Path]:
    """The kernel and its initial file system, and a QEMU to run them on."""
    debian.install(TOOLS)
    return taken("vmlinuz", image), taken("initrd.img", image)


def taken(name: str, image: Path) -> Path:
    return cache.file(name, cache.key(image.name.encode()), partial(take, image))


def take(image: Path, folder: Path, made: Path) -> None:
    """Raises RuntimeError where the image has no such file; debugfs(8) does not say so itself."""
    subprocess.run(
        ["/sbin/debugfs", "-R", f"dump /boot/{made.name} {made}", image], check=True, stderr=subprocess.DEVNULL
    )
    if not made.exists() or not made.stat().st_size:
        raise RuntimeError(f"there is no /boot/{made.name} in {image}")
