"""The User Mode Linux kernel, built from Debian's own source: USB, sound and video drivers in an ordinary program."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.rig.build import cache, debian

SOURCE = "linux-source-6.1"
TOOLS = ("gcc", "make", "flex", "bison", "bc", "libelf-dev", "xz-utils", SOURCE)
FRAGMENT = Path(__file__).with_name("kernel.config")
# What the source says, and what the rig needs it to say: Linux 6.1 hides ALSA from this architecture, without a reason
# that concerns us (newer ones do not), and ticks too slowly to pace nine streams.
CHANGES = (
    ("sound/Kconfig", "if !UML\n", "if y\n"),
    ("arch/um/Kconfig", "config HZ\n\tint\n\tdefault 100\n", "config HZ\n\tint\n\tdefault 250\n"),
)
# Nothing of this machine's name or clock in what is built.
REPRODUCIBLE = {
    "KBUILD_BUILD_TIMESTAMP": "2026-01-01", "KBUILD_BUILD_USER": "foh", "KBUILD_BUILD_HOST": "rig", "ARCH": "um",
}  # fmt: skip


def kernel() -> Path:
    """The kernel's program, built if it is missing (some minutes)."""
    return cache.file("kernel", cache.key(SOURCE.encode(), FRAGMENT.read_bytes(), repr(CHANGES).encode()), build)


def build(folder: Path, made: Path) -> None:
    debian.install(TOOLS)
    print("rig: building the kernel from Debian's source, which takes some minutes", flush=True)
    tree = folder / "linux"
    tree.mkdir()
    subprocess.run(
        ["tar", "-xJf", f"/usr/src/{SOURCE}.tar.xz", "-C", tree, "--strip-components=1"],
        env={**os.environ, "XZ_DEFAULTS": "-T0"}, check=True,
    )  # fmt: skip
    for name, old, new in CHANGES:
        file = tree / name
        file.write_text(changed(file.read_text(), old, new, name))
    configure(tree)
    make(tree, f"-j{os.cpu_count() or 1}", "linux")
    subprocess.run(["strip", "-o", made, tree / "linux"], check=True)
    shutil.rmtree(tree)


def configure(tree: Path) -> None:
    """The architecture's defaults with our fragment over them. Raises RuntimeError for what did not come true."""
    make(tree, "defconfig")
    config = tree / ".config"
    config.write_text(laid_over(config.read_text(), FRAGMENT.read_text()))
    make(tree, "olddefconfig")
    if lacking := missing(FRAGMENT.read_text(), config.read_text()):
        raise RuntimeError(f"the kernel's configuration did not take {', '.join(lacking)}")


def make(tree: Path, *goals: str) -> None:
    subprocess.run(["nice", "make", "-s", "-C", tree, *goals], env={**os.environ, **REPRODUCIBLE}, check=True)


def changed(text: str, old: str, new: str, name: str) -> str:
    """Raises RuntimeError where the source is not what it was, rather than build something else."""
    if text.count(old) != 1:
        raise RuntimeError(f"{name} of {SOURCE} does not say {old!r} once: the rig must be adapted to it")
    return text.replace(old, new)


def options(config: str) -> dict[str, str]:
    """The lines of a configuration by the option that they are about."""
    about = re.compile(r"(?:# )?(CONFIG_\w+)(?:=| is not set)").match
    return {match[1]: line for line in config.splitlines() if (match := about(line))}


def laid_over(config: str, fragment: str) -> str:
    return "\n".join((options(config) | options(fragment)).values()) + "\n"


def missing(fragment: str, config: str) -> list[str]:
    """What the fragment wants and the configuration has otherwise. What is not offered at all is off."""
    there = options(config)
    return [line for option, line in options(fragment).items() if there.get(option, f"# {option} is not set") != line]
