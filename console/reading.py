"""What is opened to be read: everything about a resource or an incident, its history, the help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.panes import detail, help, history, proof
from console.screens.read import Read

if TYPE_CHECKING:
    from backends.contract import Id
    from console.line import Row
    from console.venue.incidents import Incident, Key
    from console.venue.venue import Venue


async def resource(venue: Venue, id: Id, read_only: bool) -> Read:
    entries = list(await venue.journal.about(str(id)))

    def make(width: int) -> list[Row]:
        return detail.rows(venue, id, venue.clock.now(), width, entries, not read_only)

    return Read(make, read_only, id)


def incident(venue: Venue, key: Key, read_only: bool) -> Read:
    def make(width: int) -> list[Row]:
        return proof.rows(venue, venue.incidents.find(key), venue.clock.now(), width, not read_only)

    return Read(make, read_only, key[0], lambda: venue.incidents.find(key))


async def past(venue: Venue, id: Id | None, about: Incident | None, read_only: bool) -> Read:
    """What the journal has of a resource, or of an incident."""
    made = await history.rows(venue, id, about)
    return Read(lambda width: made, read_only, id)


def keys(venue: Venue | None, read_only: bool) -> Read:
    kinds = list(venue.state.kinds.values()) if venue else []
    return Read(lambda width: help.rows(read_only, kinds), read_only)
