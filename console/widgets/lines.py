"""Lines of text, repainted only where they differ.

Textual has no cell diff: a refreshed region is sent whole, blanks included. So this widget compares what it is
told to show with what it shows, and refreshes only the run of cells that changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
    """Shows lines from the top; `top` is the first one on the screen. Only those on the screen are asked for."""

    DEFAULT_CSS = "Lines { height: 1; width: 1fr; }"

    def __init__(self, *, id: str | None = None, lines: tuple[Line, ...] = ()) -> None:
        super().__init__(id=id)
        self.count = len(lines)
        self.top = 0
        self.line: Callable[[int], Line] = lines.__getitem__
        self._painted: list[Line] = []

    def show(self, lines: Sequence[Line]) -> None:
        """Takes the place of what is shown."""
        self.show_each(len(lines), lines.__getitem__)

    def show_each(self, count: int, line: Callable[[int], Line]) -> None:
        """The same for lines that are made when they are needed."""
        self.count, self.line = count, line
        before, self._painted = self._painted, self._window()
        width = self.size.width
        for y in range(self.size.height):
            old = before[y] if y < len(before) else ()
            new = self._painted[y] if y < len(self._painted) else ()
            run = difference(old, new)
            if run is not None:
                start, end = (0, width) if not old or not new else run
                self.refresh(Region(start, y, max(1, min(end, width) - start), 1))

    def bring_to(self, top: int) -> bool:
        """Makes another line the first on the screen, as far as there are any. True if everything was repainted."""
        top = max(0, min(top, self.count - max(1, self.size.height)))
        if top == self.top:
            return False
        self.top, self._painted = top, []
        self.refresh()
        return True

    def refresh_row(self, index: int) -> None:
        y = index - self.top
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def is_cursor(self, index: int) -> bool:
        return False

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y >= len(self._painted) and self.top + y < self.count:  # it has become larger, or has been scrolled
            self._painted = self._window()
        line = self._painted[y] if y < len(self._painted) else ()
        segments = [Segment(text, STYLES[style]) for text, style in line]
        strip = Strip(segments).adjust_cell_length(width)
        return strip.apply_style(CURSOR) if self.is_cursor(self.top + y) else strip

    def _window(self) -> list[Line]:
        return [self.line(at) for at in range(self.top, min(self.count, self.top + self.size.height))]
