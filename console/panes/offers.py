"""What can be done with a resource and along its chain. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backends.contract import Gone, Id, Offer, Risk
from console.line import Line, Row, fit
from console.panes.cells import moment
from console.venue import group
from console.venue.journal import RunRow
from console.venue.venue import Venue

CANCEL = "cancel"
FORGET = "forget"  # what the console itself can do: the only choice that is no (target, action)


def rows(venue: Venue, id: Id) -> list[Row]:
    """Keyed by (target, action); what is blocked says why and cannot be chosen."""
    resource = venue.state.get(id)
    if resource is None:
        return []
    again = venue.runs.offer(id)
    found: list[Row] = [((id, again.action), _text(again, ""))] if again else []
    for here in (resource, *(venue.state.get(other) for other in venue.resolver.chain(resource))):
        if here is None or isinstance(here, Gone):
            continue
        for offer in here.offers:
            where = "" if here.id == id else f"  on {here.id.kind} {here.name}"
            if offer.blocked:
                found.append((None, ((fit(f" {offer.label}{where}: {offer.blocked}", 72), "dim"),)))
            else:
                found.append(((offer.target, offer.action), _text(offer, where)))
    return found


def _text(offer: Offer, where: str) -> Line:
    risk = "" if offer.risk is Risk.ROUTINE else f"  [{offer.risk}]"
    return ((fit(f" {offer.label}{where}{risk}", 72), ""),)


def forgetting(venue: Venue, lost: Sequence[Id]) -> list[Row]:
    """Of what is gone: keyed by FORGET. What is in the inventory is missed for as long as it stands there."""
    if not lost:
        return []
    what = " forget it" if len(lost) == 1 else f" forget these {len(lost)}"
    if venue.expected.isdisjoint(lost):
        return [(FORGET, ((fit(f"{what}: not missed any more, until seen again", 72), ""),))]
    text = f"{what}: in the inventory; run foh init, then start foh again"
    return [(None, ((fit(text, 72), "dim"),))]


def settling(venue: Venue, ids: Sequence[Id]) -> list[Row]:
    """Runs whose result is unknown, keyed by the run's number: mark each as handled."""
    text = " mark as handled: '{label}', interrupted at {at}"
    return [
        (row.id, ((fit(text.format(label=row.label, at=moment(row.at)), 72), ""),))
        for id in ids
        for row in venue.runs.about(id)
    ]


def cancelling(found: Mapping[Id, tuple[RunRow, str]]) -> list[Row]:
    """Runs that go on, keyed by (target, CANCEL); one that cannot be cancelled says why."""
    rows: list[Row] = []
    for id, (row, no) in found.items():
        text = f" cancel: '{row.label}', begun by {row.who}" + (f": {no}" if no else "")
        rows.append((None if no else (id, CANCEL), ((fit(text, 72), "dim" if no else ""),)))
    return rows


def shared(venue: Venue, ids: Sequence[Id]) -> list[Row]:
    """What several offer, by themselves or along their chains, keyed by (None, action): how many of them can do it."""
    labels: dict[str, Offer] = {}
    for id in ids:
        resource = venue.state.current.get(id)
        chain = [venue.state.current.get(other) for other in venue.resolver.chain(resource)] if resource else []
        for here in (resource, *chain):
            for offer in here.offers if here else ():
                labels.setdefault(offer.action, offer)
    found: list[Row] = []
    for action, offer in labels.items():
        can = [each for each in group.offered(venue, ids, action).values() if not each.blocked]
        risk = "" if offer.risk is Risk.ROUTINE else f"  [{offer.risk}]"
        text = fit(f" {offer.label}: {len(can)} of {len(ids)}{risk}", 72)
        found.append(((None, action) if can else None, ((text, "" if can else "dim"),)))
    return found
