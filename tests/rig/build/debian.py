"""Debian's packages, on this machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

INSTALL = Path(__file__).parents[3] / ".ci/system-packages"
SUITE = "bookworm"
SOURCES = tuple(Path("/etc/apt") / name for name in ("sources.list.d/debian.sources", "sources.list"))


def install(names: Iterable[str]) -> None:
    """Says what it installs; quick when there is nothing to do."""
    subprocess.run([INSTALL, *names], check=True)


def sources() -> list[str]:
    """Where this machine gets Debian from; nothing where it does not say, and then the default holds."""
    return [str(path) for path in SOURCES if path.exists() and SUITE in path.read_text()][:1]


def as_root() -> list[str]:
    return [] if os.geteuid() == 0 else ["sudo"]
