"""A screen that follows the venue: it is painted when something changes, and has a line for news at its foot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.screen import Screen

from console.line import Line, fit
from console.panes.help import legend
from console.widgets.lines import Lines

if TYPE_CHECKING:
    from backends.contract import Id
    from console.venue.incidents import Incident
    from console.venue.venue import Update, Venue


class Following(Screen[None]):
    """What the application asks of such a screen. `KEYS` are those that its foot names."""

    KEYS: ClassVar[tuple[tuple[str, str], ...]] = ()

    def __init__(self, read_only: bool) -> None:
        super().__init__()
        self.read_only = read_only
        self.venue: Venue | None = None  # once it has been opened

    def foot(self) -> Lines:
        return Lines(id="message", lines=(legend(self.KEYS, self.read_only),))

    def say(self, text: str, style: str = "") -> None:
        """News, or the keys again where there is none."""
        line: Line = ((fit(f" {text}", self.size.width), style),) if text else legend(self.KEYS, self.read_only)
        for message in self.query("#message").results(Lines):  # none any more while the console ends
            message.show([line])

    def paint(self, update: Update | None = None) -> None:
        """Shows the venue as it is. With an update, only what it touches."""

    def paint_ages(self) -> None:
        """Shows what changes with the time alone."""

    def selected_id(self) -> Id | None:
        """The resource under the cursor."""
        return None

    def selected_incident(self) -> Incident | None:
        """The incident under the cursor, or that of the resource there."""
        return None

    def targets(self) -> Sequence[Id]:
        """What an action is for."""
        id = self.selected_id()
        return [] if id is None else [id]
