"""Lines of text, repainted only where they differ.

Textual has no cell diff: a refreshed region is sent whole, blanks included. So this widget compares what it is
told to show with what it shows, and refreshes only the run of cells that changed.
"""

from __future__ import annotations

from typing import TypeAlias

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

Span: TypeAlias = tuple[str, str]  # text, style name
Line: TypeAlias = tuple[Span, ...]

STYLES = {
    "": Style.null(),
    "title": Style(bold=True),
    "head": Style(dim=True),
    "dim": Style(dim=True),
    "good": Style(color="green"),
    "warn": Style(color="yellow", bold=True),
    "crit": Style(color="red", bold=True),
    "key": Style(bold=True),
    "bar": Style(reverse=True),
}
CURSOR = Style(reverse=True)


def fit(text: str, width: int) -> str:
    """Text cut or padded to exactly so many cells; what is cut ends in `…`."""
    if text.isascii():
        return text.ljust(width) if len(text) <= width else text[: max(0, width - 1)] + "…" * (width > 0)
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, max(0, width - 1)) + "…" * (width > 0)


def plain(line: Line) -> str:
    return "".join(text for text, _ in line)


def difference(old: Line, new: Line) -> tuple[int, int] | None:
    """The first and one past the last cell in which two lines differ; None if they are the same."""
    if old == new:
        return None
    before, after = _cells(old), _cells(new)
    if before is None or after is None or len(before) != len(after):
        return (0, 10_000)
    differing = [index for index, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    return (differing[0], differing[-1] + 1) if differing else None


def _cells(line: Line) -> list[tuple[str, str]] | None:
    """One entry a cell; None where a character is wider or narrower than a cell."""
    if not all(text.isascii() or cell_len(text) == len(text) for text, _ in line):
        return None
    return [(char, style) for text, style in line for char in text]


class Lines(Widget):
    """Shows lines from the top; `top` is the first one on the screen."""

    DEFAULT_CSS = "Lines { height: 1; width: 1fr; }"

    def __init__(self, *, id: str | None = None, lines: tuple[Line, ...] = ()) -> None:
        super().__init__(id=id)
        self.lines: list[Line] = list(lines)
        self.top = 0

    def show(self, lines: list[Line]) -> None:
        """Takes the place of what is shown."""
        before, self.lines = self.lines, lines
        height, width = self.size.height, self.size.width
        for y in range(height):
            index = self.top + y
            old = before[index] if index < len(before) else ()
            new = lines[index] if index < len(lines) else ()
            run = difference(old, new)
            if run is not None:
                start, end = (0, width) if not old or not new else run
                self.refresh(Region(start, y, max(1, min(end, width) - start), 1))

    def refresh_row(self, index: int) -> None:
        y = index - self.top
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def is_cursor(self, index: int) -> bool:
        return False

    def render_line(self, y: int) -> Strip:
        index, width = self.top + y, self.size.width
        line = self.lines[index] if index < len(self.lines) else ()
        segments = [Segment(text, STYLES[style]) for text, style in line]
        strip = Strip(segments).adjust_cell_length(width)
        return strip.apply_style(CURSOR) if self.is_cursor(index) else strip
