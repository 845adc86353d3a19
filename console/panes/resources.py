"""A pane: the resources of its kinds, one section a kind. Pure functions of the venue."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct

from backends.contract import Id, KindSpec, Resource, Role, Severity
from console.line import Line, Listing, Row, fit
from console.panes.cells import cell, moment
from console.panes.columns import GAP, Layout, layout
from console.panes.titles import TITLES
from console.venue.venue import Venue

MARKS = {Severity.CRIT: ("C ", "crit"), Severity.WARN: ("w ", "warn"), Severity.INFO: ("i ", "dim")}


def kinds_of(venue: Venue, pane: str) -> list[KindSpec]:
    return sorted((kind for kind in venue.state.kinds.values() if kind.pane == pane), key=lambda kind: kind.order)


def counts(venue: Venue, pane: str) -> str:
    """`zones 8/9`: of the pane's first kind, how many are without an open incident, of how many."""
    for kind in kinds_of(venue, pane)[:1]:
        there = len(venue.state.ids_of(kind.kind))
        unwell = sum(id.kind == kind.kind and id in venue.state.current for id in venue.incidents.marks)
        return f"{kind.plural} {there - unwell}/{there + venue.absent(kind.kind)}"
    return f"{TITLES[pane]} …"


def rows(
    venue: Venue, pane: str, number: int, width: int, filter: str = "", marked: Collection[Id] = ()
) -> Sequence[Row]:
    """The pane's title, then each kind that has anything to show. A line is written when it is looked at."""
    sections: list[Section] = []
    total = hidden = 0
    for kind in kinds_of(venue, pane):
        every = present_and_missed(venue, kind.kind)
        found = [id for id in every if matches(venue, id, kind, filter)] if filter else every
        total, hidden = total + len(every), hidden + len(every) - len(found)
        if found:
            sections.append(Section(kind, layout(kind, width, _longest(venue, kind.kind)), found))
    title = f"{number} {TITLES[pane]} "
    note = f" filter: {filter} ({hidden} hidden)" if filter else f" {total}" if total else ""
    first: Line = ((title, "title"), (fit(note + " ", max(0, width - len(title))), "dim"))
    if not sections:
        return [(None, first), (None, ((fit("  " + _nothing(venue, pane, hidden), width), "dim"),))]
    keys: list[Id | None] = [None]
    for section in sections:
        section.start = len(keys)
        keys += [None, *section.ids]

    def line(at: int) -> Line:
        if at == 0:
            return first
        section = next(section for section in reversed(sections) if section.start <= at)
        if at == section.start:
            return heading(section.kind, section.layout)
        id = section.ids[at - section.start - 1]
        return row(venue, id, section.layout, venue.incidents.marks.get(id), id in marked)

    return Listing(keys, line)


class Section(Struct):
    """The part of a pane that shows one kind, from row `start` on."""

    kind: KindSpec
    layout: Layout
    ids: list[Id]
    start: int = 0


def _longest(venue: Venue, kind: str) -> int:
    """Characters of the longest name among the present and missed resources."""
    return max(venue.state.ids_of(kind).longest, *(len(venue.name_of(id)) for id in missed(venue, kind)), 0)


def present_and_missed(venue: Venue, kind: str) -> list[Id]:
    """The present and the missed resources of one kind, by name."""
    present = venue.state.ids_of(kind)
    lost = missed(venue, kind)
    if not lost:
        return list(present)
    return sorted([*present, *lost], key=lambda id: (venue.name_of(id), id))


def missed(venue: Venue, kind: str) -> list[Id]:
    """What is gone and still expected: by the inventory, or by an open incident."""
    gone = venue.state.gone
    if not venue.state.gone_of[kind]:
        return []
    return [id for id in gone if id.kind == kind and (id in venue.expected or id in venue.incidents.marks)]


def matches(venue: Venue, id: Id, kind: KindSpec, filter: str) -> bool:
    """Whether a filter's words all occur in the resource's name or fields."""
    entry, values = venue.state.get(id), [venue.name_of(id)]
    if isinstance(entry, Resource):
        values += [str(getattr(entry, field.name, "")) for field in kind.fields if not field.via]
    else:
        values.append("gone")
    text = " ".join(values).casefold()
    return all(word in text for word in filter.casefold().split())


def heading(kind: KindSpec, plan: Layout) -> Line:
    cells = [fit(kind.label.upper(), plan.name + 2)]
    for column in plan.columns:
        label, width = column.spec.heading or column.spec.label.upper(), column.width
        cells.append(" " * GAP + (label.rjust(width) if column.spec.role is Role.MEASURE else fit(label, width)))
    return (("".join(cells), "head"),)


def row(venue: Venue, id: Id, plan: Layout, mark: Severity | None, marked: bool = False) -> Line:
    entry = venue.state.get(id)
    sign, style = MARKS[mark] if mark else ("  ", "")
    spans = [(sign[0] + "*" if marked else sign, style), (fit(venue.name_of(id), plan.name), "")]
    if not isinstance(entry, Resource):
        known = entry is not None and entry.last is not None
        said = f"gone since {moment(venue.clock.wall(entry.since))}" if entry and known else "not found"
        return (*spans, (fit(" " * GAP + said, sum(GAP + column.width for column in plan.columns)), "crit"))
    for column in plan.columns:
        source: object = entry
        if column.spec.via:
            end = venue.resolver.follow(entry, column.spec.via)
            source = venue.state.get(end) if end else None
        spans.append((" " * GAP, ""))
        if not isinstance(source, Resource):
            spans.append((fit("gone" if source else "-", column.width), "crit" if source else "dim"))
        else:
            value = getattr(source, column.spec.name, None)
            whole = getattr(source, column.spec.of, None) if column.spec.of else None
            spans.append(cell(value, column.spec, column.width, venue.state.describe(source), whole))
    return tuple(spans)


def _nothing(venue: Venue, pane: str, hidden: int) -> str:
    if hidden:
        return f"nothing matches; {hidden} hidden"
    if not venue.complete:
        return "reading…"
    return "nothing found here: `foh doctor` says what is needed"
