"""The first screen: incidents above four panes; on a small terminal, trouble first and a digit opens a pane."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from console.line import Line
from console.messages import Open
from console.panes.help import MAIN
from console.panes.titles import PANES, TITLES
from console.screens.following import Following
from console.widgets.lines import Lines
from console.widgets.rows import Rows

if TYPE_CHECKING:
    from backends.contract import Id
    from console.venue.incidents import Incident
    from console.venue.venue import Update

LEAST = (60, 20)  # columns, rows: less shows only a sentence
ROOMY = (120, 36)  # from here on everything is on one screen


def is_typing(focused: Widget | None) -> bool:
    """Whether keys are text now."""
    return focused is not None and focused.check_consume_key("x", "x")


class Main(Following):
    """Header, incidents, trouble or panes, and a line for messages."""

    DEFAULT_CSS = """
    Main { layout: vertical; }
    #header { height: 2; }
    #incidents { height: 7; }
    #trouble { height: 1fr; display: none; }
    .panes { height: 1fr; }
    .left { margin-right: 1; }
    #message { height: 1; }
    #small { display: none; height: 1fr; }
    """
    AUTO_FOCUS = "#incidents"
    KEYS = MAIN
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(n), f"pane('{pane}')", f"pane {n}", show=False, priority=True)
            for n, pane in enumerate(PANES, 1)
        ),
        Binding("i", "incidents", "incidents", show=False, priority=True),
        Binding("z", "zoom", "zoom", show=False, priority=True),
        Binding("slash", "filter", "filter", show=False, priority=True),
        Binding("tab", "app.focus_next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
        Binding("space", "mark", "mark", show=False, priority=True),
        Binding("asterisk", "mark_all", "mark all", show=False, priority=True),
        Binding("left,h", "around(-1)", show=False, priority=True),
        Binding("escape", "back", "back", show=False, priority=True),
    ]

    def __init__(self, read_only: bool) -> None:
        super().__init__(read_only)
        self.zoomed = ""
        self.filters: dict[str, str] = {}
        self.marked: set[Id] = set()  # what the next action is for

    def compose(self) -> ComposeResult:
        yield Lines(id="header", lines=(((" foh  reading…", "title"),),))
        yield Rows(id="incidents", lines=((("   WHERE      WHAT IS WRONG", "head"),), (("   reading…", "dim"),)))
        yield Lines(id="trouble")
        for left, right in (("audio", "amps"), ("capture", "containers")):
            with Horizontal(classes="panes"):
                for name in (left, right):
                    number = PANES.index(name) + 1
                    rows = Rows(
                        id=name, lines=(((f"{number} {TITLES[name]}", "title"),), (("  reading…", "dim"),)), sticky=2
                    )
                    rows.set_class(name == left, "left")
                    yield rows
        yield Lines(id="small")
        yield self.foot()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return not is_typing(self.focused) and not (self.read_only and action.startswith("mark"))

    def on_resize(self) -> None:
        self._arrange()
        if self.venue:
            self.call_after_refresh(self.paint)

    # --- painting -------------------------------------------------------------------------------------------

    def paint(self, update: Update | None = None) -> None:
        venue = self.venue
        if venue is None:
            return
        from console.panes import resources

        self.paint_ages()
        for number, name in enumerate(PANES, 1):
            pane = self.query_one(f"#{name}", Rows)
            if pane.display and (update is None or update.incidents or self._touches(name, update)):
                pane.show_rows(
                    resources.rows(venue, name, number, pane.size.width, self.filters.get(name, ""), self.marked)
                )

    def paint_ages(self) -> None:
        """The header and the incidents."""
        venue = self.venue
        if venue is None:
            return
        from console.panes import header, incidents

        now = venue.clock.now()
        head = self.query_one("#header", Lines)
        head.show(header.header(venue, now, head.size.width, self.read_only))
        table = self.query_one("#incidents", Rows)
        if table.display:
            table.show_rows(incidents.rows(venue, now, table.size.width, self.filters.get("incidents", "")))
        self.paint_trouble()

    def paint_trouble(self) -> None:
        widget, venue = self.query_one("#trouble", Lines), self.venue
        if widget.display and venue:
            from console.panes import incidents

            lines = incidents.trouble(
                venue, self._listed_incident(), venue.clock.now(), widget.size.width, not self.read_only
            )
            widget.show(lines)

    def _touches(self, pane: str, update: Update) -> bool:
        """Whether a pane shows something of what has changed, be it at the other end of a link."""
        venue = self.venue
        if venue is None or not update.ids:
            return venue is not None and not update.ids
        kinds = {kind.kind for kind in venue.state.kinds.values() if kind.pane == pane}
        others = {kind.kind for kind in venue.state.kinds.values() if not kind.pane}
        return any(id.kind in kinds or id.kind in others for id in update.ids)

    # --- what is selected -----------------------------------------------------------------------------------

    @property
    def focused_rows(self) -> Rows | None:
        return self.focused if isinstance(self.focused, Rows) else None

    def selected_incident(self) -> Incident | None:
        rows, id = self.focused_rows, self.selected_id()
        if rows is None or rows.id == "incidents":
            return self._listed_incident()
        return next(iter(self.venue.incidents_about(id)), None) if self.venue and id else None

    def _listed_incident(self) -> Incident | None:
        """The one under the cursor of the incidents, whether that has the focus or not."""
        key = self.query_one("#incidents", Rows).cursor
        venue = self.venue
        return venue.incidents.open.get(key) if venue and key is not None else None  # type: ignore[call-overload]

    def selected_id(self) -> Id | None:
        """The resource under the cursor: a row's own, or the selected incident's root."""
        rows = self.focused_rows
        if rows is None:
            return None
        if rows.id == "incidents":
            incident = self._listed_incident()
            return incident.root if incident else None
        return rows.cursor  # type: ignore[return-value]

    # --- keys -----------------------------------------------------------------------------------------------

    def action_pane(self, name: str) -> None:
        pane = self.query_one(f"#{name}", Rows)
        if self.zoomed or self.is_small or self.focused is pane:
            self.zoomed = "" if self.zoomed == name else name
            self._arrange()
        self.set_focus(pane if pane.display else self.query_one("#incidents"))
        self.call_after_refresh(self.paint)

    def action_incidents(self) -> None:
        self.zoomed = ""
        self._arrange()
        self.set_focus(self.query_one("#incidents"))
        self.call_after_refresh(self.paint)

    def action_zoom(self) -> None:
        rows = self.focused_rows
        self.zoomed = "" if self.zoomed or rows is None else str(rows.id)
        self._arrange()
        self.call_after_refresh(self.paint)

    def action_around(self, step: int) -> None:
        self.focus_next() if step > 0 else self.focus_previous()

    def action_back(self) -> None:
        rows = self.focused_rows
        if self.marked:
            self._mark(set())
        elif rows and self.filters.pop(str(rows.id), ""):
            self.paint()
        elif self.zoomed:
            self.action_incidents()
        else:
            self.set_focus(self.query_one("#incidents"))

    def targets(self) -> list[Id]:
        """What an action is for: what is marked, unless an incident is selected; else what is selected."""
        of_incident = self.focused_rows is not None and self.focused_rows.id == "incidents"
        id = self.selected_id()
        return sorted(self.marked) if self.marked and not of_incident else [id] if id is not None else []

    def action_mark(self) -> None:
        rows, id = self.focused_rows, self.selected_id()
        if rows is not None and rows.id != "incidents" and id is not None:
            self._mark(self.marked ^ {id})
            rows.action_move(1)

    def action_mark_all(self) -> None:
        """Every row that is shown, or none of them where all are marked already."""
        from backends.contract import Id

        rows = self.focused_rows
        if rows is not None and rows.id != "incidents":
            shown = {key for key in rows.keys if isinstance(key, Id)}
            self._mark(self.marked - shown if shown <= self.marked else self.marked | shown)

    def _mark(self, marked: set[Id]) -> None:
        self.marked = marked
        self.say(f"{len(marked)} marked: a acts on all of them, Esc clears the marks" if marked else "")
        self.paint()

    async def action_filter(self) -> None:
        rows = self.focused_rows
        if rows is not None:
            from console.widgets.filter import FilterBox

            name = str(rows.id)
            box = FilterBox(self.filters.get(name, ""), partial(self._set_filter, name), rows.focus)
            await self.mount(box, before="#message")  # the next key is its first letter
            self.set_focus(box)

    def _set_filter(self, rows: str, text: str) -> None:
        self.filters[rows] = text
        self.paint()

    def on_rows_selected(self, event: Rows.Selected) -> None:
        self.post_message(Open(event.key))  # type: ignore[arg-type]

    def on_rows_moved(self, event: Rows.Moved) -> None:
        if event.rows.id == "incidents":
            self.paint_trouble()

    # --- sizes ----------------------------------------------------------------------------------------------

    @property
    def is_small(self) -> bool:
        return self.size.width < ROOMY[0] or self.size.height < ROOMY[1]

    def _arrange(self) -> None:
        """Decides what is shown at this size. Nothing is lost: it comes back when there is room."""
        width, height = self.size
        tiny = width < LEAST[0] or height < LEAST[1]
        shown = {"small"} if tiny else {"header", "message"} | self._middle()
        for name in ("header", "message", "small", "incidents", "trouble", *PANES):
            self.query_one(f"#{name}").display = name in shown
        for holder in self.query(".panes"):
            holder.display = any(child.display for child in holder.children)
        self.query_one("#incidents").styles.height = "1fr" if self.zoomed == "incidents" else self._incident_rows()
        if tiny:
            text = f"foh needs {LEAST[0]}x{LEAST[1]}; this terminal has {width}x{height}."
            lines: list[Line] = [((text[i : i + width], ""),) for i in range(0, len(text), max(1, width))]
            self.query_one("#small", Lines).show([*lines, (("Make it larger, or q to quit.", ""),)])
            self.query_one("#small").refresh()
        if self.focused is not None and not self.focused.display and not tiny:
            self.set_focus(self.query_one(f"#{self.zoomed}" if self.zoomed else "#incidents"))

    def _middle(self) -> set[str]:
        if self.zoomed:
            return {self.zoomed}
        return {"incidents", "trouble"} if self.is_small else {"incidents", *PANES}

    def _incident_rows(self) -> int:
        return max(4, min(9, self.size.height // 5 if not self.is_small else self.size.height // 3))
