"""The outermost wall of the commands without a screen: nothing that a terminal acts on passes these streams."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from backends.contract import clean


def visible(text: str) -> str:
    """The text, line by line, as the first wall would have it (contract.clean). What is printed is clean already: this
    is for what somebody forgot."""
    return "\n".join(line if line.isprintable() else clean(line, len(line)) for line in text.split("\n"))


class Visible:
    """A text stream that writes only what can be seen; in all else the stream that it stands for."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(visible(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def streams() -> Iterator[None]:
    """Standard output and standard error through it."""
    with contextlib.redirect_stdout(Visible(sys.stdout)), contextlib.redirect_stderr(Visible(sys.stderr)):
        yield
