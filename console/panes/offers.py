"""What can be done with a resource and along its chain. Pure."""

from __future__ import annotations

from backends.contract import Gone, Id, Risk
from console.line import Row, fit
from console.venue.venue import Venue


def rows(venue: Venue, id: Id) -> list[Row]:
    """Keyed by (target, action); what is blocked says why and cannot be chosen."""
    resource = venue.state.get(id)
    if resource is None:
        return []
    found: list[Row] = []
    for here in (resource, *(venue.state.get(other) for other in venue.resolver.chain(resource))):
        if here is None or isinstance(here, Gone):
            continue
        for offer in here.offers:
            risk = "" if offer.risk is Risk.ROUTINE else f"  [{offer.risk}]"
            where = "" if here.id == id else f"  on {here.id.kind} {here.name}"
            text = fit(f" {offer.label}{where}{risk}", 72)
            if offer.blocked:
                found.append((None, ((fit(f" {offer.label}{where}: {offer.blocked}", 72), "dim"),)))
            else:
                found.append(((offer.target, offer.action), ((text, ""),)))
    return found
