"""The parts of an action on a board."""

from __future__ import annotations

from msgspec import Struct

from backends.contract import Scalar, Step, Test

HELPER = "helper"


class Operation(Struct, frozen=True):
    """One step, which calls the helper, and the board's field and value that must then be seen."""

    step: Step
    field: str
    wanted: Scalar
    test: Test = Test.EQUALS

    @property
    def argv(self) -> tuple[str, ...]:
        """The helper's arguments."""
        return asked(self.step)


def call(argv: tuple[str, ...], text: str, script: str) -> Step:
    """A call of the helper; `script` does the same in root's shell."""
    return Step(HELPER, {"argv": argv}, ("sudo", "sh", "-c", script), text)


def asked(step: Step) -> tuple[str, ...]:
    argv = step.args["argv"]
    assert isinstance(argv, tuple)
    return argv
