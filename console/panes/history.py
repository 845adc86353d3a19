"""What the journal says of a resource or an incident."""

from __future__ import annotations

from backends.contract import Id, clean
from console.line import Row
from console.panes.cells import moment
from console.venue.incidents import Incident, key_text
from console.venue.journal import Entry
from console.venue.venue import Venue


async def rows(venue: Venue, id: Id | None, incident: Incident | None) -> list[Row]:
    """Newest first."""
    subjects = ([key_text(incident.key)] if incident else []) + ([str(id)] if id else [])
    entries = [entry for subject in subjects for entry in await venue.journal.about(subject, 200)]
    title: Row = (None, ((f" journal of {', '.join(subjects)}", "title"),))
    if not entries:
        return [title, (None, ((f"  nothing yet {venue.journal.trouble}", "dim"),))]
    return [title, *(_row(entry) for entry in sorted(entries, key=lambda entry: -entry.at))]


def _row(entry: Entry) -> Row:
    said = f" {clean(entry.who)}: {clean(entry.text, 300)}"
    return (None, ((f"  {moment(entry.at)}  ", "dim"), (f"{entry.what:<9}", "key"), (said, "")))
