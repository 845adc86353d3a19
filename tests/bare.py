"""The framework's floor, what the console is measured by: one table of nine rows, and nothing else."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import DataTable, Footer


class Bare(App[None]):
    """What a Textual application costs before it does anything."""

    BINDINGS = [("q", "quit", "Quit")]  # noqa: RUF012

    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")
        yield Footer()

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        table.add_columns("zone", "state", "level", "age")
        for number in range(9):
            table.add_row(f"zone {number}", "playing", "-12 dB", "0 s")


if __name__ == "__main__":
    Bare().run()
