"""What people are told of a run. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from backends.contract import Evidence, Finding, Id, Plan, Remedy, Severity
from console.venue import resume
from console.venue.journal import RunRow

JUDGING = "waiting to see it take effect"


def moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC).astimezone():%a %d %b %H:%M:%S}"


def refusal(row: RunRow) -> str:
    """Why nothing else can be done to its target while a run goes on."""
    return f"{row.who} started '{row.label}' here at {moment(row.at)}: wait until it finishes"


def stage(plan: Plan | None, begun: Mapping[int, bool]) -> str:
    """Where a run is. `begun`: its steps that have begun, by number, and whether each has ended."""
    if not begun:
        return "no step has begun yet"
    newest, steps = max(begun), plan.steps if plan else ()
    if newest == len(steps) and begun[newest]:
        return JUDGING
    text = f": {steps[newest - 1].text}" if newest <= len(steps) else ""
    return f"step {newest} of {len(steps) or '?'}{text}"


def going(row: RunRow, begun: Mapping[int, bool]) -> Finding:
    """Of a run that goes on in a process of its own."""
    where = stage(resume.plan_of(row), begun)
    return Finding(
        "RUN-GOING",
        Severity.INFO,
        Id.parse(row.target),
        f"'{row.label}' goes on: {where} ({row.who}, since {moment(row.at)})",
        (Evidence("run", f"the journal's run {row.id}", row.at, where),),
        remedies=(Remedy("wait until it finishes; it goes on without this console"),),
    )


def interrupted(row: RunRow) -> Finding:
    """Of a run with an unknown outcome."""
    return Finding(
        "RUN-UNFINISHED",
        Severity.WARN,
        Id.parse(row.target),
        f"'{row.label}' was interrupted: its result is unknown ({row.who}, {moment(row.at)})",
        (Evidence("run", f"the journal's run {row.id}", row.at, row.text),),
        "whether it took effect, in whole or in part",
        (
            Remedy("resume it: what is left of it is shown first", resume.RESUME, Id.parse(row.target)),
            Remedy("or check whether it took effect; then press a: run it again, or mark it as handled"),
        ),
    )
