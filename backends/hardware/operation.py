"""What an action on a board is made of."""

from __future__ import annotations

from msgspec import Struct

from backends.contract import Scalar, Step, Test


class Operation(Struct, frozen=True):
    """One call of the helper, what the operator is told about it, and what must then be seen of the board."""

    argv: tuple[str, ...]
    step: Step
    field: str
    wanted: Scalar
    test: Test = Test.EQUALS
