"""The venue as a report: for programs (`foh status --json`), and one screenful of text. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from backends.contract import Finding, Health, Remedy, Severity, State, clean
from backends.kinds import SOURCE
from backends.shell import LONGEST, shell
from console.venue.incidents import command
from console.venue.venue import Venue

VERSION = 1


class Status(StrEnum):
    """The whole venue in a word."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


EXIT = {Status.OK: 0, Status.WARNING: 1, Status.CRITICAL: 2, Status.UNKNOWN: 3}  # as monitoring plugins use them


class SourceReport(Struct):
    """How one source is."""

    name: str
    state: State
    sentence: str
    remedy: str
    read_at: float | None  # seconds since the epoch; null: never


class IncidentReport(Struct):
    """One incident with what founds it and what follows from it."""

    root: str
    code: str
    severity: Severity
    where: str
    what: str
    opened: float
    acked_by: str
    findings: tuple[Finding, ...]
    remedies: tuple[Remedy, ...]


class Report(Struct):
    """What `foh status --json` prints. `resources` are grouped by kind; their fields are the kind's own."""

    version: int
    host: str
    at: float
    status: Status
    sources: list[SourceReport]
    incidents: list[IncidentReport]
    resources: dict[str, list[Any]]
    gone: list[str]
    journal: str  # what is wrong with the journal, and where an unusable one was kept; empty when all is well


def report(venue: Venue, now: float) -> Report:
    """A snapshot. Nothing seen at all is unknown, not fine; what is acknowledged or silenced does not count."""
    wall = venue.clock.wall
    seen_at = {source: wall(at) for source, at in venue.state.seen_at.items()}
    sources = [
        SourceReport(id.local, h.state, clean(h.sentence, 300), _to_do(h), seen_at.get(id))
        for id, h in sorted(venue.state.health.items())
    ]
    incidents = venue.incidents.ordered(now)
    active = {i.severity for i in incidents if not i.acked_by and not i.is_silenced(now)}
    if Severity.CRIT in active:
        status = Status.CRITICAL
    elif Severity.WARN in active:
        status = Status.WARNING
    elif not venue.complete or all(id.kind == SOURCE.kind for id in venue.state.current):
        status = Status.UNKNOWN
    else:
        status = Status.OK
    kinds = {kind: venue.state.of_kind(kind) for kind in venue.state.kinds if kind != SOURCE.kind}
    told = [
        IncidentReport(
            str(i.root), i.code, i.severity, i.where, i.what, wall(i.opened), i.acked_by, i.findings, i.remedies
        )
        for i in incidents
    ]
    return Report(
        VERSION, venue.state.host, wall(now), status, sources, told,
        {kind: list(found) for kind, found in sorted(kinds.items()) if found},
        sorted(map(str, venue.state.gone)), clean(venue.journal.trouble, 1000),
    )  # fmt: skip


def _to_do(health: Health) -> str:
    return clean(health.remedy.text, 300) if health.remedy else ""


def schema() -> dict[str, Any]:
    """The JSON schema of a report."""
    return msgspec.json.schema(Report)


def text(venue: Venue, said: Report) -> list[str]:
    """One screenful: the verdict first, then incidents, then counts."""
    well = sum(source.state is State.OK for source in said.sources)
    lines = [f"{said.status.value.upper()}  {said.host}  sources {well}/{len(said.sources)}"]
    for incident in said.incidents[:15]:
        note = f" (ack {incident.acked_by})" if incident.acked_by else ""
        said_of = f"{incident.where}: {incident.what} [{incident.code}]{note}"
        lines.append(clean(f"  {incident.severity.value.upper():<5} {said_of}", 300))
        for remedy in incident.remedies[:1]:
            how, what = command(remedy), clean(remedy.text, 300)
            lines.append(f"        {what}" + (f"  $ {shell((*how, '--yes'))}" if how else ""))  # whole: to be pasted
    if len(said.incidents) > 15:
        lines.append(f"  and {len(said.incidents) - 15} more")
    counts = [f"{venue.state.kinds[kind].plural} {len(found)}" for kind, found in said.resources.items()]
    lines.append("  " + ("  ".join(counts) or "nothing found: `foh doctor` says what is needed"))
    lines += [f"  {said.journal}"] if said.journal else []
    return [clean(line, LONGEST) for line in lines]
