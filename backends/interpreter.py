"""How foh starts Python, for its own modules: no code comes from the folder that an operator happens to be in.

Python puts the current folder first on the path of `python -m`: without `-P`, an `alsaaudio.py` that lies there would
run. A child also works in `/`, so that it keeps no file system busy. Imports nothing, because a child starts before the
console has loaded anything.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

FOLDER = "/"  # where they work: a path that they are given is absolute


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs one of foh's modules."""
    return (sys.executable, "-P", "-m", module, *arguments)


def is_ours(argv: Sequence[str]) -> bool:
    """Whether a command is one of `python`'s."""
    return tuple(argv[:3]) == python("")[:3]
