"""The program: its arguments, its operations, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from . import Refused, boards, players, printable

Operations: TypeAlias = Mapping[str, Callable[..., None]]

OPERATIONS: Operations = {**boards.operations(), **players.OPERATIONS}


def main(argv: Sequence[str], operations: Operations = OPERATIONS) -> int:
    """Exit status 0: done; 1: the system refused; 2: invalid operation or arguments."""
    try:
        run(argv, operations)
    except Refused as refusal:
        print(f"foh helper: {refusal}", file=sys.stderr)
        return 2
    except (OSError, ValueError) as error:  # ValueError: a NUL in a path
        print(f"foh helper: {printable(error, 300)}", file=sys.stderr)
        return 1
    return 0


def run(argv: Sequence[str], operations: Operations = OPERATIONS) -> None:
    """Does one operation. Raises Refused (the arguments) or OSError (the system)."""
    name, *arguments = argv or ("",)
    operation = operations.get(name)
    if operation is None:
        raise Refused(f"there is no operation {printable(name)!r}; there are {', '.join(operations)}")
    operation(*arguments)
