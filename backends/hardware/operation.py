"""The parts of an action on a board."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from backends.contract import Scalar, Step, Test
from backends.shell import quoted, shell

HELPER = "helper"
PER_LINE = r"%s\n"  # for printf(1)


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


def to_file(path: Path, *lines: str) -> str:
    """A script that writes these lines."""
    return f"{shell(('printf', PER_LINE, *lines))} >{quoted(str(path))}"


def asked(step: Step) -> tuple[str, ...]:
    argv = step.args["argv"]
    assert isinstance(argv, tuple)
    return argv
