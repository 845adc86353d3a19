"""Text wrapped beside a label. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from backends.shell import rows
from console.line import Line, fit

PROMPT = "$ "


def labelled(label: str, text: str, width: int, indent: int = 12, most: int = 6) -> list[Line]:
    """The text in at most so many lines, the label in front of the first."""
    room = max(20, width - indent - 1)
    parts = textwrap.wrap(text, room, break_on_hyphens=False, max_lines=most, placeholder=" …") or [""]
    return [((fit(f" {label}" if n == 0 else "", indent), "dim"), (part, "")) for n, part in enumerate(parts)]


def commanded(argv: Sequence[str], width: int) -> list[Line]:
    """A command behind a prompt. Its further rows begin at the margin, so that all of it can be pasted as it stands."""
    return [(("" if at else PROMPT, "dim"), (row, "")) for at, row in enumerate(rows(argv, width - len(PROMPT)))]
