"""Planning on behalf of one person, and how what is observed afterwards compares with what was expected."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from backends.contract import Expect, Gone, Id, Offer, Plan, Refused, Resource, Risk, Test, Unknown, clean
from console.venue import resume

if TYPE_CHECKING:
    from console.venue.feed import Control
    from console.venue.state import VenueState
    from console.venue.venue import Venue


class Outcome(Struct, frozen=True):
    """How an action ended. `ok` only if everything expected was observed."""

    ok: bool
    text: str
    at: float = 0.0  # when the last of what was expected had been observed
    word: str = ""  # as the journal has it: done, failed, unknown; or going, where this process does not wait for it

    def __post_init__(self) -> None:
        if not self.word:
            structs.force_setattr(self, "word", "done" if self.ok else "failed")


def met(expect: Expect, resource: Resource | Gone | None) -> bool:
    """Whether an observed resource shows what was expected. What is unknown or gone shows nothing."""
    if resource is None or isinstance(resource, Gone):
        return False
    value = getattr(resource, expect.field, None)
    if value is None or isinstance(value, Unknown):
        return False
    match expect.test:
        case Test.EQUALS:
            return bool(value == expect.wanted)
        case Test.DIFFERS:
            return bool(value != expect.wanted)
        case Test.NEAR:
            wanted = expect.wanted
            return isinstance(value, int | float) and isinstance(wanted, int | float) and abs(value - wanted) <= 1
        case Test.CONTAINS:
            return expect.wanted in value
        case Test.LACKS:
            return expect.wanted not in value


def seen(expect: Expect, resource: Resource | Gone | None) -> str:
    """What was observed instead, for the operator."""
    if resource is None or isinstance(resource, Gone):
        return f"{expect.target.local} is gone"
    value = getattr(resource, expect.field, None)
    said = f"unknown ({value.why}: {value.detail})" if isinstance(value, Unknown) else clean(value, 60)
    wanted = {Test.DIFFERS: "something else than ", Test.CONTAINS: "to hold ", Test.LACKS: "not to hold "}
    return f"{expect.what} is {said}, expected {wanted.get(expect.test, '')}{expect.wanted}"


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
            return f"{who}, whose state is not known"
    return f"{who}, which is {state}"


class Operator:
    """Plans and runs actions on behalf of one person."""

    def __init__(self, venue: Venue, who: str) -> None:
        self._venue, self.who = venue, who

    def name_of(self, id: Id) -> str:
        return self._venue.name_of(id)

    async def plan(self, offer: Offer, args: Mapping[str, str]) -> Plan:
        """Raises Refused with the reason, also for what went wrong while planning."""
        control, source = self._venue.control, self._venue.state.source_of(offer.target)
        if control is None:
            raise Refused("read-only: nothing can be changed from here")
        if source is None:
            raise Refused(f"{offer.target} is not there any more")
        if offer.blocked:
            raise Refused(offer.blocked)
        if busy := await self._venue.runs.busy(offer.target):
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
            if not isinstance(self.target(expect), Resource):
                raise Refused(f"whether it works could not be seen: its {expect.via} is not known")
        if linked and offer.action != resume.RESUME and all(met(expect, self.target(expect)) for expect in plan.expect):
            raise Refused("it is so already: " + ", ".join(f"{e.via} {e.field} is {e.wanted}" for e in linked))
        if plan.offer.risk is Risk.ROUTINE:
            return plan
        state = self._venue.state
        needing = self._venue.resolver.needing(plan.offer.target)
        interrupts = plan.interrupts + dependents((self._label(id), state.current[id]) for id in needing)
        return structs.replace(plan, interrupts=interrupts)

    def in_use(self) -> tuple[str, ...]:
        """What people use in the venue now."""
        return in_use(self._venue.state)

    async def _resume(self, offer: Offer, control: Control, source: Id) -> Plan:
        """What is left of the newest interrupted run with this target."""
        row = next(iter(self._venue.runs.about(offer.target)), None)
        plan = resume.plan_of(row) if row else None
        if row is None or plan is None:
            raise Refused("nothing is left to resume")
        begun = await self._venue.journal.steps(row.id)
        read = {n: await control.done(source, step) for n, step in resume.in_doubt(plan, begun).items()}
        return resume.resumed(row, source, begun, read)

    def _label(self, id: Id) -> str:
        kind = self._venue.state.kinds.get(id.kind)
        return kind.label if kind else id.kind

    def target(self, expect: Expect) -> Resource | Gone | None:
        """What an expectation is about."""
        resource = self._venue.state.get(expect.target)
        if not expect.via or resource is None:
            return resource
        end = self._venue.resolver.follow(resource, expect.via)
        return self._venue.state.get(end) if end else None

    async def run(self, plan: Plan, progress: Callable[[str], None] = lambda text: None) -> Outcome:
        """Has the venue carry it out, and waits for it. The run goes on if the waiting is cancelled."""
        return await asyncio.shield(self._venue.runs.start(self, plan, progress))


def basis(plan: Plan) -> tuple[object, ...]:
    """What must not have changed between showing a plan and running it."""
    return plan.steps, plan.interrupts, tuple((e.what, e.raw) for e in plan.based_on)
