"""The line in which words to look for are typed. Mounted when asked for: an input is heavy to import."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input


class FilterBox(Input):
    """Filters a list while it is typed in. Enter keeps the filter, Esc clears it; both take the box away.

    It calls back instead of posting messages: the keys behind an Enter in the same burst are meant for the list.
    """

    DEFAULT_CSS = "FilterBox { height: 1; border: none; padding: 0 1; background: transparent; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "clear_filter", "clear", show=False)]

    def __init__(self, text: str, typed: Callable[[str], object], ended: Callable[[], object]) -> None:
        """`typed` is given the words, letter by letter; `ended` gives the list its focus back."""
        super().__init__(text, placeholder="words to look for; Enter keeps, Esc clears", compact=True)
        self._typed, self._ended = typed, ended
        self.cursor_blink = False

    def on_input_changed(self) -> None:
        self._typed(self.value)

    def on_input_submitted(self) -> None:
        self._end()

    def action_clear_filter(self) -> None:
        self._typed("")
        self._end()

    def _end(self) -> None:
        self._ended()
        self.remove()
