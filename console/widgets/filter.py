"""The line in which words to look for are typed. Mounted when asked for: an input is heavy to import."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input

if TYPE_CHECKING:
    from console.screens.main import Main


class FilterBox(Input):
    """Filters one pane while it is typed in. Enter keeps the filter, Esc clears it; both take the box away."""

    DEFAULT_CSS = "FilterBox { height: 1; border: none; padding: 0 1; background: transparent; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "clear_filter", "clear", show=False)]

    screen: Main  # type: ignore[assignment]

    def __init__(self, rows: str, text: str) -> None:
        super().__init__(text, placeholder="words to look for; Enter keeps, Esc clears", compact=True)
        self._rows = rows
        self.cursor_blink = False

    def on_input_changed(self) -> None:
        self.screen.set_filter(self._rows, self.value)

    def on_input_submitted(self) -> None:
        self._end()

    def action_clear_filter(self) -> None:
        self.screen.set_filter(self._rows, "")
        self._end()

    def _end(self) -> None:
        self.screen.query_one(f"#{self._rows}").focus()
        self.remove()
