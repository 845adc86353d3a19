"""A screen to read: everything about a resource or an incident, or the help. Follows the venue while open."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from console.line import Line, Row, fit
from console.panes.help import READ, legend
from console.widgets.lines import Lines
from console.widgets.rows import Rows

if TYPE_CHECKING:
    from backends.contract import Id
    from console.app import Foh
    from console.venue.incidents import Key


class Read(Screen[None]):
    """Shows rows made anew at every change. Enter follows a row that leads somewhere."""

    # Opaque: through a transparent one Textual paints all the screens below, until Python's stack is full.
    CSS = "Read { layout: vertical; background: ansi_default; } #rows { height: 1fr; } #message { height: 1; }"
    AUTO_FOCUS = "#rows"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,left,h,backspace", "app.pop_screen", "back", show=False, priority=True)
    ]

    app: Foh

    def __init__(
        self, make: Callable[[int], Sequence[Row]], about: Id | None = None, incident: Key | None = None
    ) -> None:
        super().__init__()
        self._make = make
        self.about, self.incident = about, incident

    def compose(self) -> ComposeResult:
        yield Rows(id="rows")
        yield Lines(id="message", lines=(legend(READ, self.app.read_only),))

    def on_resize(self) -> None:
        self.call_after_refresh(self.paint)

    def paint(self, update: object = None) -> None:
        rows = self.query_one("#rows", Rows)
        if rows.size.width:
            rows.show_rows(self._make(rows.size.width))

    def paint_ages(self) -> None:
        self.paint()

    def say(self, text: str, style: str = "") -> None:
        line: Line = ((fit(f" {text}", self.size.width), style),) if text else legend(READ, self.app.read_only)
        for message in self.query("#message").results(Lines):  # none any more while the console ends
            message.show([line])

    def on_rows_selected(self, event: Rows.Selected) -> None:
        self.app.open_key(event.key)

    def selected_id(self) -> Id | None:
        return self.about

    def selected_incident(self) -> Hashable | None:
        return self.app.incident(self.incident) if self.incident else None
