"""The few named operations that need root.

`foh helper OPERATION ARGUMENT...` runs as root through sudo (sudo.py) for an ordinary user. So it treats every argument
as hostile, and each operation checks, as root, that its target is of the right type.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from backends.contract import Refused, clean

Operations: TypeAlias = Mapping[str, Callable[..., None]]


def main(argv: Sequence[str], operations: Operations) -> int:
    """Exit status 0: done; 1: the system refused; 2: invalid operation or arguments."""
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
