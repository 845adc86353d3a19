"""Everything known about one resource. Pure."""

from __future__ import annotations

from itertools import pairwise, zip_longest

from backends.contract import Gone, Id, clean
from console.line import Line, Row, fit
from console.panes.cells import moment, proof, sentence, span, value_text
from console.panes.resources import MARKS
from console.panes.text import labelled
from console.venue.journal import Entry
from console.venue.venue import Venue

INDENT = 22  # columns, until a value begins


def rows(venue: Venue, id: Id, now: float, width: int, journal: list[Entry], actions: bool = True) -> list[Row]:
    """Fields, freshness, evidence, links, findings, offers and recent history, as one scrollable list."""
    entry = venue.state.get(id)
    resource = entry.last if isinstance(entry, Gone) else entry
    out: list[Line] = [((fit(f" {id.kind} {venue.name_of(id)}   {id}", width), "title"),)]
    if resource is None:
        return [(None, line) for line in (*out, ((" it has never been seen", "crit"),))]
    if isinstance(entry, Gone):
        out.append(((f" GONE since {moment(venue.clock.wall(entry.since))}: what follows is how it was last", "crit"),))
    else:
        source = venue.state.source_of(id)
        whom = source.local if source else "the venue"
        fresh = f" read less than {span((now - resource.at) // 10 * 10 + 10)} ago from {whom}"
        out.append(((fit(fresh, width), "dim"),))
    spec = venue.state.describe(resource)
    links: list[Row] = []
    for link in resource.links:
        resolved = venue.resolver.resolve(link)
        line: Line = ((fit(f"  {link.relation}", 14), "dim"), (f"{resolved.says}  ({link.because})", ""))
        links.append((resolved.ids[0] if len(resolved.ids) == 1 else None, line))
    out.append(_head("fields", width))
    for field in spec.fields if spec else ():
        if not field.via:
            value = getattr(resource, field.name, None)
            joined = sentence(value, field)
            each = value if isinstance(value, tuple) and len(joined) > width - INDENT else (joined,)
            for label, text in zip_longest([field.label], each, fillvalue=""):
                out += _wrap(label, clean(text, 400), width)
    found: list[Row] = [(None, line) for line in out]
    if links:
        found += [(None, _head("leads to (Enter follows)", width)), *links]
    rest: list[Line] = []
    findings = [f for i in venue.incidents.about(id) for f in i.findings if id in (f.about, f.root)]
    if findings:
        rest.append(_head("findings", width))
        for finding in findings:
            mark, style = MARKS[finding.severity]
            rest.append((("  " + mark, style), (f"{finding.cause}  [{finding.code}]", "")))
            for evidence in finding.evidence:
                rest += _wrap("", proof(evidence, evidence.read_from), width)
    for words, reasons in venue.answers(id, now):
        if not reasons:
            continue
        rest.append(_head(words, width))
        for reason in reasons:
            rest += labelled("  -", reason.text, width, indent=5)
            for item in reason.evidence:
                rest += _wrap("", proof(item, item.read_from), width)
            if reason.remedy:
                how = f"  ({reason.remedy.action})" if reason.remedy.action else ""
                rest += _wrap("  cure", f"{reason.remedy.text}{how}", width)
    if resource.evidence:
        rest.append(_head("evidence", width))
        for item in resource.evidence:
            at = moment(venue.clock.wall(item.at or resource.at))
            rest += _wrap(item.what, f"{item.raw or '(empty)'}  ({item.read_from}, {at})", width)
    if resource.offers and actions:
        rest.append(_head("offers (a)", width))
        for offer in resource.offers:
            state = f"blocked: {offer.blocked}" if offer.blocked else offer.risk.value
            rest += _wrap(offer.action, f"{offer.label}  ({state})", width)
    past = venue.state.history(id)[-12:]
    if len(past) > 1 and spec:
        rest.append(_head("recent changes", width))
        for before, then in pairwise(past):
            changed = [
                f"{f.label} {value_text(getattr(then.resource, f.name, None), f.unit)}"
                for f in spec.fields
                if not f.via and getattr(before.resource, f.name, None) != getattr(then.resource, f.name, None)
            ]
            if changed:
                rest += _wrap(moment(venue.clock.wall(then.since))[4:], ", ".join(changed), width)
    if journal:
        rest.append(_head("journal", width))
        for line_ in journal:
            rest += _wrap(moment(line_.at), f"{line_.what} by {line_.who}: {line_.text}", width)
    return found + [(None, line) for line in rest]


def _head(text: str, width: int) -> Line:
    return ((f"-- {text} ".ljust(width, "-"), "dim"),)


def _wrap(label: str, text: str, width: int) -> list[Line]:
    return labelled(" " + label, text, width, indent=INDENT, most=12)
