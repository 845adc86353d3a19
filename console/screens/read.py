"""A screen to read: everything about a resource or an incident, or the help. Follows the venue while open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from console.line import Row
from console.messages import Open
from console.panes.help import READ
from console.screens.following import Following
from console.widgets.rows import Rows

if TYPE_CHECKING:
    from backends.contract import Id
    from console.venue.incidents import Incident
    from console.venue.venue import Update


class Read(Following):
    """Shows rows that are made again at every change. Enter follows a row that leads somewhere."""

    # Opaque: through a transparent one Textual paints all the screens below, until Python's stack is full.
    CSS = "Read { layout: vertical; background: ansi_default; } #rows { height: 1fr; } #message { height: 1; }"
    AUTO_FOCUS = "#rows"
    KEYS = READ
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,left,h,backspace", "app.pop_screen", "back", show=False, priority=True)
    ]

    def __init__(
        self, make: Callable[[int], Sequence[Row]], read_only: bool, about: Id | None = None,
        incident: Callable[[], Incident | None] = lambda: None,
    ) -> None:  # fmt: skip
        """`make` makes the rows for a width; `about` and `incident` are what actions are for."""
        super().__init__(read_only)
        self._make, self._about, self._incident = make, about, incident

    def compose(self) -> ComposeResult:
        yield Rows(id="rows")
        yield self.foot()

    def on_resize(self) -> None:
        self.call_after_refresh(self.paint)

    def paint(self, update: Update | None = None) -> None:
        rows = self.query_one("#rows", Rows)
        if rows.size.width:
            rows.show_rows(self._make(rows.size.width))

    def paint_ages(self) -> None:
        self.paint()

    def on_rows_selected(self, event: Rows.Selected) -> None:
        self.post_message(Open(event.key))  # type: ignore[arg-type]

    def selected_id(self) -> Id | None:
        return self._about

    def selected_incident(self) -> Incident | None:
        return self._incident()
