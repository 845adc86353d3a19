"""Carrying out one run that the journal has: its steps one after the other, then what must be observed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from backends.contract import Expect, Id, Plan, Refused, Resource, clean
from console.venue.journal import Entry
from console.venue.operate import Operator, Outcome, met, seen
from console.venue.owner import owner
from console.venue.words import JUDGING, cancelled

if TYPE_CHECKING:
    from console.venue.feed import Control
    from console.venue.venue import Venue

CUT = "foh ended before this finished"
READY = 20.0  # seconds in which a process that has just started must have found the target

Progress = Callable[[str], object]


async def carry_out(venue: Venue, operator: Operator, id: int, plan: Plan, progress: Progress) -> Outcome:
    """Each step is in the journal before and after it is done, and the outcome at last. Raises nothing. A run that is
    cancelled has an unknown outcome, with the message of its cancellation."""
    try:
        outcome = await _steps_and_effect(venue, operator, id, plan, progress)
    except asyncio.CancelledError as cancelled:
        why = str(cancelled.args[0]) if cancelled.args else CUT
        outcome = Outcome(False, f"{why}; its result is unknown", word="unknown")
    except Exception as error:  # noqa: BLE001  (whatever it was, the operator is told and it is written down)
        outcome = Outcome(False, f"failed: {clean(str(error) or type(error).__name__, 300)}")
    entry = record(venue, operator.who, outcome.word, plan, outcome.text, {"after": _after(operator, plan)})
    try:
        await venue.journal.end(id, owner(), outcome.word, outcome.text, entry)
    except OSError as error:
        return Outcome(outcome.ok, f"{outcome.text} (but not journalled: {error})", outcome.at)
    return outcome


async def _steps_and_effect(venue: Venue, operator: Operator, id: int, plan: Plan, progress: Progress) -> Outcome:
    began = venue.clock.now() if plan.steps else 0.0  # nothing is left of one that is resumed: it is so already
    control, source = await _found(venue, plan.offer.target)
    for number, step in enumerate(plan.steps, 1):
        progress(step.text)
        entry = record(venue, operator.who, "step", plan, step.text)
        if not await venue.journal.step_begins(id, number, entry):
            who = await venue.journal.cancelled_by(id)
            return Outcome(False, cancelled(who, plan, number - 1), word="cancelled")
        said = await control.do(source, step)
        entries = [record(venue, operator.who, "seen", plan, said)] if said else []
        await venue.journal.step_ends(id, number, venue.clock.wall(venue.clock.now()), *entries)
    return await _judge(venue, operator, plan, plan.expect, began, progress)


async def _found(venue: Venue, target: Id) -> tuple[Control, Id]:
    """The source of a target, at once or when a venue that has just been opened has found it. Raises Refused."""
    begun = venue.clock.now()
    while venue.clock.now() - begun <= READY:
        source = venue.state.source_of(target)
        if venue.control is not None and source is not None and target in venue.state.current:
            return venue.control, source
        await venue.changed(0.1)
    raise Refused(f"{target} was not found within {READY:g} s; nothing was done")


async def _judge(
    venue: Venue, operator: Operator, plan: Plan, expected: Iterable[Expect], began: float, progress: Progress
) -> Outcome:
    progress(JUDGING)
    begun, at = venue.clock.now(), began
    for expect in expected:  # in this order: one may be over when the next is there
        while True:
            resource = operator.target(expect)
            if isinstance(resource, Resource) and resource.at >= began and met(expect, resource):
                at = max(at, resource.at)
                break
            if venue.clock.now() - begun > expect.within:
                took = f"not seen within {expect.within:g} s"
                return Outcome(False, f"failed: {seen(expect, resource)} ({took})")
            await venue.changed(0.1)
    return Outcome(True, f"done: {plan.offer.label}, seen after {venue.clock.now() - begun:.1f} s", at)


def record(venue: Venue, who: str, what: str, plan: Plan, text: str, data: dict[str, object] | None = None) -> Entry:
    """An entry of the journal about a plan's target, now."""
    return Entry(venue.clock.wall(venue.clock.now()), who, what, str(plan.offer.target), text, data or {})


def _after(operator: Operator, plan: Plan) -> dict[str, object]:
    names = ((e, f"{e.target} {e.via and e.via + ' '}{e.field}") for e in plan.expect)
    return {name: clean(getattr(operator.target(e), e.field, "gone")) for e, name in names}
