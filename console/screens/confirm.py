"""Shows a plan whole and asks, by its risk: Run focused; Cancel focused; the name typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input

from backends.contract import Plan, Risk
from console.panes.plan import group_lines
from console.screens.dialog import Dialog
from console.widgets.lines import Lines


class Confirm(Dialog[bool]):
    """Ends with True only if the operator said yes."""

    CSS = """
    Confirm { align: center middle; background: transparent; }
    #box { width: 90; max-width: 95%; height: auto; max-height: 95%; border: round white; padding: 0 1; }
    #buttons { height: 1; margin-top: 1; }
    #buttons Button { margin-right: 2; min-width: 10; }
    #typed { height: 1; border: none; padding: 0; margin-top: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "dismiss(False)", "cancel", show=False),
        Binding("left,h,right,l", "app.focus_next", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("down,j", "scroll(1)", show=False),
    ]

    def __init__(
        self, plans: Mapping[str, Plan], left_out: Mapping[str, str], meanwhile: Sequence[str], risk: Risk,
        note: str = "",
    ) -> None:  # fmt: skip
        """Plans by the names of what they are about; `left_out` says who does not take part, and why; `meanwhile` what
        else goes on in the venue; `note` what must be known of how they would be carried out."""
        super().__init__()
        self._plans, self._left_out, self._meanwhile, self._risk = plans, left_out, meanwhile, risk
        self._note, self._subject = note, next(iter(plans))

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Lines(id="plan")
            if self._risk is Risk.DESTRUCTIVE:
                yield Input(id="typed", placeholder=f"type {self._subject} to confirm", compact=True)
            with Horizontal(id="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Run", id="run", compact=True, disabled=self._risk is Risk.DESTRUCTIVE)

    def on_mount(self) -> None:
        plan = self.query_one("#plan", Lines)
        width = min(86, self.size.width * 95 // 100 - 4)
        shown = group_lines(self._plans, self._left_out, self._meanwhile, width, self._note)
        room = max(4, self.size.height - 7)
        plan.styles.height = min(room, len(shown))
        plan.show(shown)
        if len(shown) > room:  # nothing of a plan is left out: what does not fit is scrolled to
            self.query_one("#box").border_subtitle = "j k: more"
        match self._risk:
            case Risk.ROUTINE:
                self.query_one("#cancel" if self._note else "#run").focus()
            case Risk.DISRUPTIVE:
                self.query_one("#cancel").focus()
            case Risk.DESTRUCTIVE:
                box = self.query_one("#typed", Input)
                box.cursor_blink = False
                box.focus()

    def action_scroll(self, by: int) -> None:
        plan = self.query_one("#plan", Lines)
        plan.bring_to(plan.top + by)

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one("#run", Button).disabled = event.value != self._subject

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value == self._subject:
            self.dismiss(True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "run")
