"""The two lines on top: is the console itself well, and how much trouble is there. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from backends.contract import Id, Severity, State
from console.line import Line, fit
from console.panes.cells import span
from console.panes.resources import counts
from console.panes.titles import PANES
from console.venue.venue import Venue

STAMP = 10  # seconds: the stamp moves at least so often, so that a hung console cannot look healthy


def header(venue: Venue, now: float, width: int, read_only: bool = False) -> list[Line]:
    well = [source for source, health in venue.state.health.items() if health.state is State.OK]
    total = max(len(venue.state.health), venue.awaited)
    stamp = datetime.fromtimestamp(venue.clock.wall(now), UTC).astimezone()
    first = f" foh {venue.state.host} {stamp:%a %H:%M}"
    sources = f"sources {len(well)}/{total}" if total >= 0 else "reading…"
    right = f"{sources}   {oldest(venue, well, now)} "
    middle = "  READ-ONLY" if read_only else ""
    if venue.journal.trouble:
        middle += "  " + venue.journal.trouble
    return [
        ((fit(first + middle, max(0, width - len(right) - 1)) + " ", "title"), (fit(right, len(right)), "")),
        tally(venue, now, width),
    ]


def oldest(venue: Venue, well: list[Id], now: float) -> str:
    """How old the oldest reading of a healthy source is, rounded up to steps of ten seconds, with the moment."""
    ages = [now - venue.state.seen_at[source] for source in well if source in venue.state.seen_at]
    if not ages:
        return "nothing read yet"
    step = int(max(ages) // STAMP) * STAMP + STAMP
    at = datetime.fromtimestamp(venue.clock.wall(now) // STAMP * STAMP, UTC).astimezone()
    return f"data <{span(step)} old at {at:%H:%M:%S}"


def tally(venue: Venue, now: float, width: int) -> Line:
    open_ones = venue.incidents.ordered(now)
    active = [i for i in open_ones if not i.acked_by and not i.is_silenced(now)]
    crit = sum(i.severity is Severity.CRIT for i in active)
    warn = sum(i.severity is Severity.WARN for i in active)
    acked, quiet = sum(bool(i.acked_by) for i in open_ones), sum(i.is_silenced(now) for i in open_ones)
    counted = [(f" {crit} CRIT ", "crit" if crit else "dim"), (f" {warn} warn ", "warn" if warn else "dim")]
    spans = [
        *(counted if crit or warn or venue.complete else ()),  # before all have been heard, nothing found is not well
        ("" if venue.complete else " reading… ", "dim"),
        (f" {acked} acked " if acked else "", "dim"),
        (f" {quiet} silenced " if quiet else "", "dim"),
    ]
    used = sum(len(text) for text, _ in spans)
    panes = "  ".join(f"{number} {counts(venue, pane)}" for number, pane in enumerate(PANES, 1))
    return (*spans, (fit("   " + panes, max(0, width - used)), ""))
