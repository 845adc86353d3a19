"""A list with a cursor. The cursor is pinned to its row's key, wherever the row moves to."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from console.line import Line, Listing, Row
from console.widgets.lines import Lines


class Rows(Lines, can_focus=True):
    """Keyed rows under headings. Posts Selected on Enter and Moved when the cursor moves."""

    DEFAULT_CSS = "Rows { height: 1fr; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "down", show=False, priority=True),
        Binding("up,k", "move(-1)", "up", show=False, priority=True),
        Binding("pagedown,ctrl+f", "page(1)", "page down", show=False, priority=True),
        Binding("pageup", "page(-1)", "page up", show=False, priority=True),
        Binding("home,g", "edge(-1)", "first", show=False, priority=True),
        Binding("end,G", "edge(1)", "last", show=False, priority=True),
        Binding("enter,right", "select", "open", show=False, priority=True),
    ]

    class Selected(Message):
        """Enter on a row."""

        def __init__(self, rows: Rows, key: Hashable) -> None:
            super().__init__()
            self.rows, self.key = rows, key

    class Moved(Message):
        """The cursor is on another row."""

        def __init__(self, rows: Rows) -> None:
            super().__init__()
            self.rows = rows

    def __init__(self, *, id: str | None = None, lines: tuple[Line, ...] = (), sticky: int = 1) -> None:
        super().__init__(id=id, lines=lines)
        self.keys: Sequence[Hashable | None] = [None] * len(lines)
        self.cursor: Hashable | None = None
        self._moved = False  # until somebody moves it, the cursor stays on the first row
        self._sticky = sticky  # leading lines that stay while the rest scrolls

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Takes the place of what is shown. A cursor whose row has gone stays near where it was."""
        was = self.index
        listing = Listing.of(rows)
        self.keys = listing.keys
        if not self._moved or self.cursor is None or self.cursor not in self.keys:
            near = was if self._moved else 0
            below = [key for key in self.keys[near:] if key is not None]
            above = [key for key in self.keys[:near] if key is not None]
            before, self.cursor = self.cursor, (below[:1] or above[-1:] or [None])[0]
            if before != self.cursor:
                self.post_message(self.Moved(self))
        self.show_each(len(listing), listing.line)
        self._keep_in_view()
        if self.index != was:
            self.refresh_row(was)
            self.refresh_row(self.index)

    @property
    def index(self) -> int:
        """The line on which the cursor is; 0 where there is none."""
        return self.keys.index(self.cursor) if self.cursor is not None and self.cursor in self.keys else 0

    def is_cursor(self, index: int) -> bool:
        return self.has_focus and self.cursor is not None and self.keys[index : index + 1] == [self.cursor]

    def action_move(self, step: int) -> None:
        places = [index for index, key in enumerate(self.keys) if key is not None]
        if not places:  # nothing to select: scroll
            self.bring_to(self.top + step)
            return
        here = places.index(self.index) if self.index in places else 0
        self._go(places[max(0, min(len(places) - 1, here + step))])

    def action_page(self, step: int) -> None:
        if any(key is not None for key in self.keys):
            self.action_move(step * max(1, self.size.height - 2))
        else:
            self.bring_to(self.top + step * max(1, self.size.height - 2))

    def action_edge(self, step: int) -> None:
        self.action_move(step * len(self.keys))
        if all(key is None for key in self.keys):
            self.bring_to(step * len(self.keys))

    def action_select(self) -> None:
        if self.cursor is not None:
            self.post_message(self.Selected(self, self.cursor))

    def on_focus(self) -> None:
        self.refresh_row(self.index)

    def on_blur(self) -> None:
        self.refresh_row(self.index)

    def on_resize(self) -> None:
        self._keep_in_view()

    def on_click(self, event: events.Click) -> None:
        index = self.top + event.y
        if index < len(self.keys) and self.keys[index] is not None:
            self._go(index)

    def on_mouse_scroll_down(self) -> None:
        self.action_move(1)

    def on_mouse_scroll_up(self) -> None:
        self.action_move(-1)

    def _go(self, index: int) -> None:
        was, self._moved = self.index, True
        if self.keys[index] == self.cursor:
            return
        self.cursor = self.keys[index]
        if not self._keep_in_view():
            self.refresh_row(was)
            self.refresh_row(index)
        self.post_message(self.Moved(self))

    def _keep_in_view(self) -> bool:
        """Scrolls as far as needed. True if everything was repainted."""
        index, height = self.index, max(1, self.size.height)
        top = self.top
        if index - top >= height:
            top = index - height + 1
        elif index < top + 1:  # a heading above the first row stays in view
            top = max(0, index - self._sticky)
        return self.bring_to(top)
