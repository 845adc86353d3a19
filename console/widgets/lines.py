"""Lines of text, repainted only where they differ.

Textual has no cell diff: a refreshed region is sent whole, blanks included. So this widget compares what it is
told to show with what it shows, and refreshes only the run of cells that changed.
"""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from console.line import Line, difference

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
