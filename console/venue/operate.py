"""Planning and acting on behalf of one person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from msgspec import structs

from backends.contract import Id, Offer, Plan, Refused, Resource, Risk, Unknown, clean
from backends.expect import met
from console.venue import resume
from console.venue.feed import Control
from console.venue.outcome import Outcome
from console.venue.state import VenueState
from console.venue.venue import Venue


def locate(venue: Venue, target: Id, action: str) -> Offer | None:
    """The offer of that name on a resource or, nearest first, along its chain."""
    resource = venue.state.current.get(target)
    if resource is None:
        return None
    if action == resume.RESUME and (offer := venue.runs.offer(target)):
        return offer
    chain = [venue.state.current.get(id) for id in venue.resolver.chain(resource)]
    return next((offer for r in (resource, *chain) if r is not None and (offer := r.offer(action))), None)


def dependents(needing: Iterable[tuple[str, Resource]]) -> tuple[str, ...]:
    """Who needs a target, for the operator: by what people call its kind, its name and its state."""
    return tuple(_with_state(label, resource) for label, resource in sorted(needing, key=lambda each: each[1].id))


def in_use(state: VenueState) -> tuple[str, ...]:
    """What people use in the venue now, in the words of its kinds: that a room is being recorded."""
    return tuple(
        use.sentence.replace("{name}", resource.name)
        for kind in state.kinds.values()
        if (use := kind.in_use)
        for resource in state.of_kind(kind.kind)
        if getattr(resource, use.field, None) is True
    )


def _with_state(label: str, resource: Resource) -> str:
    state, who = getattr(resource, "state", None), f"{label} {resource.name}"
    match state:
        case None:
            return who
        case Unknown():
            return f"{who}, whose state is unknown"
    return f"{who}, which is {state}"


class Operator:
    """Plans and runs actions on behalf of one person."""

    def __init__(self, venue: Venue, who: str) -> None:
        self.venue, self.who = venue, who

    def name_of(self, id: Id) -> str:
        return self.venue.name_of(id)

    async def plan(self, offer: Offer, args: Mapping[str, str]) -> Plan:
        """Raises Refused with the reason, also for what went wrong while planning."""
        control, source = self.venue.control, self.venue.state.source_of(offer.target)
        if control is None:
            raise Refused("read-only: nothing can be changed from here")
        if source is None:
            raise Refused(f"{offer.target} is gone")
        if offer.blocked:
            raise Refused(offer.blocked)
        if busy := await self.venue.runs.busy(offer.target):
            raise Refused(busy)
        if unknown := args.keys() - {arg.name for arg in offer.args}:
            raise Refused(f"{offer.label} takes no argument {clean(', '.join(sorted(unknown)), 60)}")
        try:
            if offer.action == resume.RESUME:
                plan = await self._resume(offer, control, source)
            else:
                plan = await control.plan(source, offer, args)
        except Refused:
            raise
        except Exception as error:
            raise Refused(clean(str(error) or type(error).__name__, 300)) from error
        linked = [expect for expect in plan.expect if expect.via]  # what the source itself could not look at
        for expect in linked:
            if not isinstance(self.venue.subject(expect), Resource):
                raise Refused(f"cannot verify the result: its {expect.via} is unknown")
        if (
            linked
            and offer.action != resume.RESUME
            and all(met(expect, self.venue.subject(expect)) for expect in plan.expect)
        ):
            raise Refused("already so: " + ", ".join(f"{e.via} {e.field} is {e.wanted}" for e in linked))
        if plan.offer.risk is Risk.ROUTINE:
            return plan
        state = self.venue.state
        needing = self.venue.resolver.needing(plan.offer.target)
        interrupts = plan.interrupts + dependents((self._label(id), state.current[id]) for id in needing)
        return structs.replace(plan, interrupts=interrupts)

    def in_use(self) -> tuple[str, ...]:
        """What people use in the venue now."""
        return in_use(self.venue.state)

    async def _resume(self, offer: Offer, control: Control, source: Id) -> Plan:
        """What is left of the newest interrupted run with this target."""
        row = next(iter(self.venue.runs.about(offer.target)), None)
        plan = row.planned if row else None
        if row is None or plan is None:
            raise Refused("nothing is left to resume")
        begun = await self.venue.journal.steps(row.id)
        read = {n: await control.done(source, step) for n, step in resume.in_doubt(plan, begun).items()}
        return resume.resumed(row, source, begun, read)

    def _label(self, id: Id) -> str:
        kind = self.venue.state.kinds.get(id.kind)
        return kind.label if kind else id.kind

    async def run(
        self, plan: Plan, progress: Callable[[str], None] = lambda text: None, unrecorded: bool = False
    ) -> Outcome:
        """Has the venue carry it out, and waits for it. The run goes on if the waiting is cancelled. `unrecorded`: even
        where the journal cannot be written."""
        return await asyncio.shield(self.venue.runs.start(self.who, plan, self.plan, progress, unrecorded))
