"""A pane: the resources of its kinds, one section a kind. Pure functions of the venue."""

from __future__ import annotations

from backends.contract import KindSpec, Resource, Role, Severity
from console.line import Line, Row, fit
from console.panes.cells import cell
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


def rows(venue: Venue, pane: str, number: int, width: int, filter: str = "") -> list[Row]:
    """The pane's title, then each kind that has anything to show."""
    sections: list[Row] = []
    total = hidden = 0
    marks = _marks(venue)
    for kind in kinds_of(venue, pane):
        every = sorted(venue.state.of_kind(kind.kind), key=lambda r: (r.name, r.id))
        found = [resource for resource in every if matches(resource, kind, filter)]
        total, hidden = total + len(every), hidden + len(every) - len(found)
        if found:
            plan = layout(kind, width, max(len(resource.name) for resource in found))
            sections.append((None, heading(kind, plan)))
            sections += [(r.id, row(venue, r, plan, marks.get(r.id))) for r in found]
    title = f"{number} {TITLES[pane]} "
    note = f" filter: {filter} ({hidden} hidden)" if filter else f" {total}" if total else ""
    first: Line = ((title, "title"), (fit(note + " ", max(0, width - len(title))), "dim"))
    if not sections:
        sections = [(None, ((fit("  " + _nothing(venue, pane, hidden), width), "dim"),))]
    return [(None, first), *sections]


def matches(resource: Resource, kind: KindSpec, filter: str) -> bool:
    """Whether a filter's words all occur in the resource's name or fields."""
    if not filter:
        return True
    values = [resource.name, *(getattr(resource, field.name) for field in kind.fields if not field.via)]
    text = " ".join(str(value) for value in values).casefold()
    return all(word in text for word in filter.casefold().split())


def heading(kind: KindSpec, plan: Layout) -> Line:
    cells = [fit(kind.label.upper(), plan.name + 2)]
    for column in plan.columns:
        label, width = column.spec.heading or column.spec.label.upper(), column.width
        cells.append(" " * GAP + (label.rjust(width) if column.spec.role is Role.MEASURE else fit(label, width)))
    return (("".join(cells), "head"),)


def row(venue: Venue, resource: Resource, plan: Layout, mark: Severity | None) -> Line:
    spans = [MARKS[mark] if mark else ("  ", ""), (fit(resource.name, plan.name), "")]
    for column in plan.columns:
        source: object = resource
        if column.spec.via:
            id = venue.resolver.follow(resource, column.spec.via)
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
