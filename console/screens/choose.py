"""A short list to choose from, in a box."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from console.line import Row, fit
from console.screens.dialog import Dialog
from console.widgets.lines import Lines
from console.widgets.rows import Rows


class Choose(Dialog[Hashable | None]):
    """Ends with the chosen row's key, or None."""

    CSS = """
    Choose { align: center middle; background: transparent; }
    #box { width: 76; max-width: 95%; height: auto; max-height: 80%; border: round white; padding: 0 1; }
    #title { height: 1; }
    """
    AUTO_FOCUS = "#choices"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,left,h", "dismiss(None)", "cancel", show=False)]

    def __init__(self, title: str, rows: Sequence[Row]) -> None:
        super().__init__()
        self._title, self._rows = title, rows

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Lines(id="title", lines=(((fit(self._title, 72), "title"),),))
            yield Rows(id="choices", sticky=0)

    def on_mount(self) -> None:
        rows = self.query_one("#choices", Rows)
        rows.styles.height = min(len(self._rows), max(3, self.size.height * 8 // 10 - 4))
        rows.show_rows(self._rows)

    def on_rows_selected(self, event: Rows.Selected) -> None:
        self.dismiss(event.key)
