"""Doing things: a plan is confirmed, journalled, executed, and judged by what is observed afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, structs

from backends.contract import Expect, Gone, Id, Offer, Plan, Refused, Resource, Risk, Test, Unknown, clean
from backends.kinds import CAPTURE, CaptureBoard
from console.venue.journal import Entry

if TYPE_CHECKING:
    from console.venue.venue import Venue


class Outcome(Struct, frozen=True):
    """How an action ended. `ok` only if everything expected was observed."""

    ok: bool
    text: str
    at: float = 0.0  # when the last of what was expected had been observed


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
    chain = [venue.state.current.get(id) for id in venue.resolver.chain(resource)]
    return next((offer for r in (resource, *chain) if r is not None and (offer := r.offer(action))), None)


def dependents(needing: Iterable[tuple[str, Resource]]) -> tuple[str, ...]:
    """Who needs a target, for the operator: by what people call its kind, its name and its state."""
    return tuple(_with_state(label, resource) for label, resource in sorted(needing, key=lambda each: each[1].id))


def recordings(resources: Iterable[Resource]) -> tuple[str, ...]:
    """What is known to be recorded or shown now: whatever a capture board's video is taken for."""
    boards = sorted(each.name for each in resources if isinstance(each, CaptureBoard) and each.streams is True)
    return tuple(f"the video of {name} runs: a room is being recorded or shown" for name in boards)


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
        if unknown := args.keys() - {arg.name for arg in offer.args}:
            raise Refused(f"{offer.label} takes no argument {clean(', '.join(sorted(unknown)), 60)}")
        try:
            plan = await control.plan(source, offer, args)
        except Refused:
            raise
        except Exception as error:
            raise Refused(clean(str(error) or type(error).__name__, 300)) from error
        linked = [expect for expect in plan.expect if expect.via]  # what the source itself could not look at
        for expect in linked:
            if not isinstance(self.target(expect), Resource):
                raise Refused(f"whether it works could not be seen: its {expect.via} is not known")
        if linked and all(met(expect, self.target(expect)) for expect in plan.expect):
            raise Refused("it is so already: " + ", ".join(f"{e.via} {e.field} is {e.wanted}" for e in linked))
        if plan.offer.risk is Risk.ROUTINE:
            return plan
        state = self._venue.state
        needing = self._venue.resolver.needing(plan.offer.target)
        interrupts = plan.interrupts + dependents((self._label(id), state.current[id]) for id in needing)
        return structs.replace(plan, interrupts=interrupts, meanwhile=recordings(state.of_kind(CAPTURE.kind)))

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
        """Reads the evidence afresh, writes the plan down, does it and judges it. Never raises."""
        try:
            fresh = await self.plan(plan.offer, plan.args)
            if basis(fresh) != basis(plan):
                raise Refused("what this rests on has changed since it was shown: look again")
            await self._write("planned", plan, plan.offer.label, {"plan": msgspec.to_builtins(plan)})
        except Refused as refused:
            return Outcome(False, f"not done: {refused}")
        except OSError as error:
            return Outcome(False, f"not done, because it cannot be journalled: {error}")
        started, source = self._venue.clock.now(), self._venue.state.source_of(plan.offer.target)
        try:
            assert self._venue.control is not None
            assert source is not None
            await self._venue.control.execute(source, plan, _Steps(self, plan, progress))
            outcome = await self._judge(plan, fresh.expect, started, progress)
        except Exception as error:  # noqa: BLE001  (whatever it was, the operator is told and it is written down)
            outcome = Outcome(False, f"failed: {clean(str(error) or type(error).__name__, 300)}")
        try:
            await self._write("done" if outcome.ok else "failed", plan, outcome.text, {"after": self._after(plan)})
        except OSError as error:
            return Outcome(outcome.ok, f"{outcome.text} (but not journalled: {error})", outcome.at)
        return outcome

    async def _judge(
        self, plan: Plan, expected: Iterable[Expect], started: float, progress: Callable[[str], None]
    ) -> Outcome:
        """`expected` is as it was when the plan was confirmed: a track that has changed by itself since it was shown is
        not the one that was asked for."""
        progress("waiting to see it take effect")
        clock, at = self._venue.clock, started
        for expect in expected:  # in this order: one may be over when the next is there
            while True:
                resource = self.target(expect)
                if isinstance(resource, Resource) and resource.at >= started and met(expect, resource):
                    at = max(at, resource.at)
                    break
                if clock.now() - started > expect.within:
                    took = f"not seen within {expect.within:g} s"
                    return Outcome(False, f"failed: {seen(expect, resource)} ({took})")
                await self._venue.changed(0.1)
        return Outcome(True, f"done: {plan.offer.label}, seen after {clock.now() - started:.1f} s", at)

    def _after(self, plan: Plan) -> dict[str, str]:
        names = ((e, f"{e.target} {e.via and e.via + ' '}{e.field}") for e in plan.expect)
        return {name: clean(getattr(self.target(e), e.field, "gone")) for e, name in names}

    async def _write(self, what: str, plan: Plan, text: str, data: dict[str, object]) -> None:
        clock = self._venue.clock
        entry = Entry(clock.wall(clock.now()), self.who, what, str(plan.offer.target), text, data)
        await self._venue.journal.write(entry)


class _Steps:
    """The ledger of one run: each step is in the journal before it is taken."""

    def __init__(self, operator: Operator, plan: Plan, progress: Callable[[str], None]) -> None:
        self._operator, self._plan, self._progress = operator, plan, progress

    async def step(self, text: str) -> None:
        self._progress(text)
        await self._operator._write("step", self._plan, text, {})


def basis(plan: Plan) -> tuple[object, ...]:
    """What must not have changed between showing a plan and running it."""
    return plan.steps, plan.interrupts, tuple((e.what, e.raw) for e in plan.based_on)
