"""A pane: the resources of its kinds, one section a kind. Pure functions of the venue."""

from __future__ import annotations

from collections.abc import Collection

from backends.contract import Gone, Id, KindSpec, Resource, Role, Severity
from console.line import Line, Row, fit
from console.panes.cells import cell, moment
from console.panes.columns import GAP, Layout, layout
from console.venue.venue import Venue

TITLES = {"audio": "audio zones", "amps": "amplifiers and DACs", "capture": "capture", "containers": "containers"}
PANES = tuple(TITLES)
MARKS = {Severity.CRIT: ("C ", "crit"), Severity.WARN: ("w ", "warn"), Severity.INFO: ("i ", "dim")}


def kinds_of(venue: Venue, pane: str) -> list[KindSpec]:
    return sorted((kind for kind in venue.state.kinds.values() if kind.pane == pane), key=lambda kind: kind.order)


def counts(venue: Venue, pane: str) -> str:
    """`zones 8/9`: of the pane's first kind, how many are without an open incident, of how many."""
    for kind in kinds_of(venue, pane)[:1]:
        every = {r.id for r in venue.state.of_kind(kind.kind)}
        every |= {id for id in (*venue.expected, *venue.state.gone) if id.kind == kind.kind}
        well = [id for id in every if id in venue.state.current and id not in _marks(venue)]
        return f"{kind.plural} {len(well)}/{len(every)}"
    return f"{TITLES[pane]} …"


def rows(venue: Venue, pane: str, number: int, width: int, filter: str = "", marked: Collection[Id] = ()) -> list[Row]:
    """The pane's title, then each kind that has anything to show."""
    sections: list[Row] = []
    total = hidden = 0
    marks = _marks(venue)
    for kind in kinds_of(venue, pane):
        every: list[Resource | Gone] = [*venue.state.of_kind(kind.kind), *missed(venue, kind.kind)]
        every.sort(key=lambda entry: (venue.name_of(entry.id), entry.id))
        found = [entry for entry in every if matches(venue, entry, kind, filter)]
        total, hidden = total + len(every), hidden + len(every) - len(found)
        if found:
            plan = layout(kind, width, max(len(venue.name_of(entry.id)) for entry in found))
            sections.append((None, heading(kind, plan)))
            for entry in found:
                sections.append((entry.id, row(venue, entry, plan, marks.get(entry.id), entry.id in marked)))
    title = f"{number} {TITLES[pane]} "
    note = f" filter: {filter} ({hidden} hidden)" if filter else f" {total}" if total else ""
    first: Line = ((title, "title"), (fit(note + " ", max(0, width - len(title))), "dim"))
    if not sections:
        sections = [(None, ((fit("  " + _nothing(venue, pane, hidden), width), "dim"),))]
    return [(None, first), *sections]


def missed(venue: Venue, kind: str) -> list[Gone]:
    """What is gone and somebody waits for: the inventory, or an open incident."""
    marks = _marks(venue)
    return [gone for id, gone in venue.state.gone.items() if id.kind == kind and (id in venue.expected or id in marks)]


def matches(venue: Venue, entry: Resource | Gone, kind: KindSpec, filter: str) -> bool:
    """Whether a filter's words all occur in the resource's name or fields."""
    if not filter:
        return True
    values: list[object] = [venue.name_of(entry.id)]
    if isinstance(entry, Gone):
        values.append("gone")
    else:
        values += [getattr(entry, field.name) for field in kind.fields if not field.via]
    text = " ".join(str(value) for value in values).casefold()
    return all(word in text for word in filter.casefold().split())


def heading(kind: KindSpec, plan: Layout) -> Line:
    cells = [fit(kind.label.upper(), plan.name + 2)]
    for column in plan.columns:
        label, width = column.spec.heading or column.spec.label.upper(), column.width
        cells.append(" " * GAP + (label.rjust(width) if column.spec.role is Role.MEASURE else fit(label, width)))
    return (("".join(cells), "head"),)


def row(venue: Venue, entry: Resource | Gone, plan: Layout, mark: Severity | None, marked: bool = False) -> Line:
    sign, style = MARKS[mark] if mark else ("  ", "")
    spans = [(sign[0] + "*" if marked else sign, style), (fit(venue.name_of(entry.id), plan.name), "")]
    if isinstance(entry, Gone):
        said = f"gone since {moment(entry.since)}" if entry.last else "not found"
        return (*spans, (fit(" " * GAP + said, sum(GAP + column.width for column in plan.columns)), "crit"))
    for column in plan.columns:
        source: object = entry
        if column.spec.via:
            id = venue.resolver.follow(entry, column.spec.via)
            source = venue.state.get(id) if id else None
        gone = source is None or not isinstance(source, Resource)
        spans.append((" " * GAP, ""))
        if gone:
            spans.append((fit("gone" if source else "-", column.width), "crit" if source else "dim"))
        else:
            spans.append(cell(getattr(source, column.spec.name, None), column.spec, column.width))
    return tuple(spans)


def _marks(venue: Venue) -> dict[object, Severity]:
    """The worst open severity about each resource."""
    worst: dict[object, Severity] = {}
    for incident in venue.incidents.open.values():
        for finding in incident.findings:
            for id in (finding.about, incident.root):
                if id not in worst or worst[id].rank < finding.severity.rank:
                    worst[id] = finding.severity
    return worst


def _nothing(venue: Venue, pane: str, hidden: int) -> str:
    if hidden:
        return f"nothing matches; {hidden} hidden"
    if not venue.complete:
        return "reading…"
    return "nothing found here: `foh doctor` says what is needed"
