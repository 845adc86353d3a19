"""One incident whole: its chain, every finding with its evidence, its remedies, its life. Pure."""

from __future__ import annotations

from console.line import Line, Row, fit
from console.panes.cells import moment
from console.panes.incidents import trouble
from console.panes.resources import MARKS
from console.venue.incidents import Incident
from console.venue.venue import Venue


def rows(venue: Venue, incident: Incident | None, now: float, width: int, actions: bool = True) -> list[Row]:
    if incident is None:
        return [(None, ((" this incident is over and forgotten", "dim"),))]
    mark, style = MARKS[incident.severity]
    life = f"open since {moment(venue.clock.wall(incident.opened))}"
    if incident.cleared:
        life = f"CLEARED at {moment(venue.clock.wall(incident.cleared))}, {life}"
    if incident.acked_by:
        life += f", acknowledged by {incident.acked_by}"
    if incident.is_silenced(now):
        life += f", silenced until {moment(venue.clock.wall(incident.silenced_until))}"
    head: list[Line] = [
        ((" " + mark, style), (fit(f"{incident.where}: {incident.code}", width - 3), "title")),
        ((fit("   " + life, width), "dim"),),
    ]
    out: list[Row] = [(None, line) for line in (*head, *trouble(venue, incident, now, width, actions, whole=True))]
    out.append((None, (("-- about (Enter follows) ".ljust(width, "-"), "dim"),)))
    about = dict.fromkeys([incident.root, *(finding.about for finding in incident.findings)])
    out += [(id, ((f"  {id.kind} {venue.name_of(id)}", ""), (f"   {id}", "dim"))) for id in about]
    return out
