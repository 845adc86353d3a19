"""What needs root: a few named operations, nothing else.

`foh helper OPERATION ARGUMENT...` runs as root, by sudo (sudo.py), for an ordinary user; so every argument is taken for
hostile, and each operation decides by itself, as root, whether what it is to be done to is what it is made for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from backends.contract import Refused, clean

Operations: TypeAlias = Mapping[str, Callable[..., None]]


def main(argv: Sequence[str], operations: Operations) -> int:
    """Exit status 0: done; 1: the system refused; 2: not an operation that this helper does."""
    try:
        run(argv, operations)
    except Refused as refusal:
        print(f"foh helper: {refusal}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"foh helper: {clean(error)}", file=sys.stderr)
        return 1
    return 0


def run(argv: Sequence[str], operations: Operations) -> None:
    """Does one operation. Raises Refused (the arguments) or OSError (the system)."""
    name, *arguments = argv or ("",)
    operation = operations.get(name)
    if operation is None:
        raise Refused(f"there is no operation {clean(name, 40)!r}; there are {', '.join(operations)}")
    operation(*arguments)
