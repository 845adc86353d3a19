"""Carrying out one run that the journal has: its steps one after the other, then what must be observed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from backends.contract import Expect, Id, Plan, Refused, Resource, clean
from backends.expect import met, miss
from console.venue.feed import Control
from console.venue.journal import Entry
from console.venue.outcome import Outcome
from console.venue.owner import owner
from console.venue.site import Site
from console.venue.unrecorded import Book
from console.venue.words import JUDGING, cancelled

CUT = "foh ended before this finished"
READY = 20.0  # seconds in which a process that has just started must have found the target

Progress = Callable[[str], object]


async def carry_out(site: Site, book: Book, who: str, id: int, plan: Plan, progress: Progress) -> Outcome:
    """Writes each step to the book before and after it is done, and the outcome at the end. Never raises. A run
    whose task is cancelled has an unknown outcome, with the message of that cancellation."""
    try:
        outcome = await _steps_and_effect(site, book, who, id, plan, progress)
    except asyncio.CancelledError as cancelled:
        why = str(cancelled.args[0]) if cancelled.args else CUT
        outcome = Outcome(False, f"{why}; its result is unknown", word="unknown")
    except Exception as error:  # noqa: BLE001  (any failure is told to the operator and written down)
        outcome = Outcome(False, f"failed: {clean(str(error) or type(error).__name__, 300)}")
    entry = record(site, who, outcome.word, plan, outcome.text, {"after": _after(site, plan)})
    try:
        await book.end(id, owner(), outcome.word, outcome.text, entry)
    except OSError as error:
        return Outcome(outcome.ok, f"{outcome.text} (but not recorded: {error})", outcome.at)
    return outcome


async def _steps_and_effect(site: Site, book: Book, who: str, id: int, plan: Plan, progress: Progress) -> Outcome:
    began = site.clock.now() if plan.steps else 0.0  # a resumed run without steps left is already fulfilled
    control, source = await _found(site, plan.offer.target)
    for number, step in enumerate(plan.steps, 1):
        progress(step.text)
        entry = record(site, who, "step", plan, step.text)
        if not await book.step_begins(id, number, entry):
            who = await book.cancelled_by(id)
            return Outcome(False, cancelled(who, plan, number - 1), word="cancelled")
        said = await control.do(source, step)
        entries = [record(site, who, "seen", plan, said)] if said else []
        await book.step_ends(id, number, site.clock.wall(site.clock.now()), *entries)
    return await _judge(site, plan, plan.expect, began, progress)


async def _found(site: Site, target: Id) -> tuple[Control, Id]:
    """The source of a target, at once or when a venue that has just been opened has found it. Raises Refused."""
    begun = site.clock.now()
    while site.clock.now() - begun <= READY:
        source = site.state.source_of(target)
        if site.control is not None and source is not None and target in site.state.current:
            return site.control, source
        await site.changed(0.1)
    raise Refused(f"{target} was not found within {READY:g} s; nothing was done")


async def _judge(site: Site, plan: Plan, expected: Iterable[Expect], began: float, progress: Progress) -> Outcome:
    progress(JUDGING)
    begun, at = site.clock.now(), began
    for expect in expected:  # in this order: one may be over when the next is there
        while True:
            resource = site.subject(expect)
            if isinstance(resource, Resource) and resource.at >= began and met(expect, resource):
                at = max(at, resource.at)
                break
            if site.clock.now() - begun > expect.within:
                return Outcome(False, f"failed: {miss(expect, resource)}, after {expect.within:g} s")
            await site.changed(0.1)
    return Outcome(True, f"done: {plan.offer.label}, confirmed after {site.clock.now() - begun:.1f} s", at)


def record(site: Site, who: str, what: str, plan: Plan, text: str, data: dict[str, object] | None = None) -> Entry:
    """An entry of the journal about a plan's target, now."""
    return Entry(site.clock.wall(site.clock.now()), who, what, str(plan.offer.target), text, data or {})


def _after(site: Site, plan: Plan) -> dict[str, object]:
    names = ((e, f"{e.target} {e.via and e.via + ' '}{e.field}") for e in plan.expect)
    return {name: clean(getattr(site.subject(e), e.field, "gone")) for e, name in names}
