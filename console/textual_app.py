"""A Textual application as a terminal over ssh needs it: cleaned and trimmed output, signals, and a way out."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text
from textual._compositor import ChopsUpdate
from textual.app import App
from textual.filter import LineFilter
from textual.screen import Screen

from console.driver import Line
from console.ending import leave_on, traceback_of
from console.widgets.trim import Trimmed
from console.widgets.wall import Wall


class TextualApp(App[None]):
    """Draws through the wall, and leaves by SIGTERM, SIGHUP, a closed terminal or a defect."""

    def __init__(self) -> None:
        super().__init__(driver_class=Line, ansi_color=True)

    def leave(self, code: int, message: str = "") -> None:
        """Ends with an exit status, and a message on the terminal."""
        self.exit(return_code=code, message=message or None)

    def on_mount(self) -> None:
        # Replaces SIG_IGN too: under nohup a dropped line would otherwise leave Textual spinning.
        leave_on((signal.SIGTERM, signal.SIGHUP), self.leave)

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), Wall()]

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        update: Any = Trimmed(renderable) if isinstance(renderable, ChopsUpdate) else renderable
        super()._display(screen, update)

    def hung_up(self) -> None:
        """The terminal has been closed, perhaps without a signal (driver.py)."""
        self.leave(128 + signal.SIGHUP)

    def _fatal_error(self) -> None:
        """A defect of ours ends the console with its traceback. Not with Textual's own, which takes half a second to
        draw and shows what every variable holds, secrets and control characters included."""
        self._exit_renderables.append(Text(traceback_of(self._exception)))
        self._close_messages_no_wait()
