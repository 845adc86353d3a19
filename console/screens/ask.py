"""Asks for one argument of an action."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from backends.contract import Arg
from console.line import fit
from console.screens.dialog import Dialog
from console.widgets.lines import Lines


class Ask(Dialog[str | None]):
    """Ends with the text typed, or None. Whether it is right is for the plan to say."""

    CSS = """
    Ask { align: center middle; background: transparent; }
    #box { width: 60; max-width: 95%; height: auto; border: round white; padding: 0 1; }
    #value { height: 1; border: none; padding: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "cancel", show=False)]

    def __init__(self, title: str, arg: Arg) -> None:
        super().__init__()
        self._title, self._arg = title, arg

    def compose(self) -> ComposeResult:
        arg = self._arg
        bounds = f" {arg.minimum:g} to {arg.maximum:g}" if arg.minimum is not None and arg.maximum is not None else ""
        with Vertical(id="box"):
            yield Lines(lines=(((fit(f"{self._title}: {arg.label}{bounds} {arg.unit}", 56), "title"),),))
            yield Input(arg.default, id="value", compact=True)

    def on_mount(self) -> None:
        self.query_one(Input).cursor_blink = False

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())
