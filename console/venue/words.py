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


def cancelled(who: str, plan: Plan, done: int) -> str:
    """How a run ended that was cancelled when so many of its steps were done."""
    until = "; ".join(step.text for step in plan.steps[:done])
    return f"cancelled by {who}: " + (f"done until then: {until}" if done else "nothing was done")


def no_cancel(plan: Plan | None, begun: Mapping[int, bool]) -> str:
    """Why a run cannot be cancelled now; "" if it can."""
    if plan is None or not plan.cancellable:
        return "it cannot be cancelled, as its steps belong together: wait until it finishes"
    return "its last step has begun: wait until it finishes" if len(plan.steps) in begun else ""


def going(row: RunRow, begun: Mapping[int, bool]) -> Finding:
    """Of a run that goes on in a process of its own."""
    plan = row.planned
    where, no = stage(plan, begun), no_cancel(plan, begun)
    return Finding(
        "RUN-GOING",
        Severity.INFO,
        Id.parse(row.target),
        f"'{row.label}' goes on: {where} ({row.who}, since {moment(row.at)})",
        (Evidence("run", f"the journal's run {row.id}", row.at, where),),
        remedies=(Remedy(no or "wait until it finishes, or press a to cancel it after the step that it is in"),),
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
