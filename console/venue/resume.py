"""Resuming a run that was interrupted: the steps that are left of it, as a plan like any other. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import structs

from backends.contract import Evidence, Id, Offer, Plan, Refused, Step
from console.venue.journal import RunRow

RESUME = "resume"
LABEL = "resume: "


def offer(row: RunRow) -> Offer | None:
    """To resume a run, at its own risk. One that was resumed already keeps its label."""
    plan = row.planned
    return Offer(plan.offer.target, RESUME, f"{LABEL}{name(plan)}", plan.offer.risk) if plan else None


def name(plan: Plan) -> str:
    """What an action is called, also where it was resumed."""
    return plan.offer.label.removeprefix(LABEL)


def in_doubt(plan: Plan, begun: Mapping[int, bool]) -> dict[int, Step]:
    """The steps, by number, that began and have no end in the journal."""
    return {number: step for number, step in enumerate(plan.steps, 1) if begun.get(number) is False}


def remaining(steps: Sequence[Step], begun: Mapping[int, bool], read: Mapping[int, bool | None]) -> tuple[Step, ...]:
    """What is left to do. `begun`: the steps that had begun, by number, and whether each is known to have ended;
    `read`: what their source says of those that are not (None: it cannot tell). Raises Refused where a step may have
    been done and must not be done twice."""
    left = []
    for number, step in enumerate(steps, 1):
        if begun.get(number) or read.get(number):
            continue
        if number in begun and step.irreversible and read.get(number) is None:
            doubt = f"step {number} ({step.text}) may have been done, and must not be done twice"
            raise Refused(f"{doubt}: check it, do the rest by hand, then mark it as handled")
        left.append(step)
    return tuple(left)


def resumed(row: RunRow, source: Id, begun: Mapping[int, bool], read: Mapping[int, bool | None]) -> Plan:
    """The plan of what is left of a run. Raises Refused."""
    plan, again = row.planned, offer(row)
    if plan is None or again is None:
        raise Refused("its plan was written by another version of foh and cannot be resumed")
    words = {True: "done", False: "not done", None: "unknown; to do it twice is the same as once"}
    journal = f"the journal's run {row.id}"
    based_on = [Evidence(f"step {number}", journal, row.at, "done") for number, ended in begun.items() if ended]
    based_on += [Evidence(f"step {number}", str(source), row.at, words[known]) for number, known in read.items()]
    left = remaining(plan.steps, begun, read)
    return structs.replace(plan, offer=again, args={}, steps=left, based_on=tuple(based_on))
