"""Takes every action there is, first as a lie, then for real."""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeAlias

from msgspec import structs

from backends.contract import IO, Arg, Expect, Gone, Id, Offer, Plan, Refused, Resource, Source, Step
from backends.expect import met
from backends.testing.patience import until_async

Done: TypeAlias = set[tuple[str, str]]  # kind, action
FOUND_OUT = 1.0  # seconds that the product waits for the effect of a lie
QUIET = 1  # reading of everything in which nothing may change before a lie is told
ENDS_OTHERS = ("play",)  # taken last: a zone that plays has no output left to let go of, whichever zone it is


class Actor(Protocol):
    """Plans and runs actions, and shows what is observed of them."""

    @property
    def resources(self) -> Mapping[Id, Resource]: ...

    @property
    def sources(self) -> dict[Id, Source]: ...

    def source_of(self, target: Id) -> Id | None: ...

    def observed(self, source: Id) -> float:
        """When it last spoke."""

    def target(self, expect: Expect) -> Resource | Gone | None:
        """What an expectation is about."""

    async def changed(self, seconds: float) -> None:
        """Returns when there may be something new to see, at the latest after so many seconds."""

    async def plan(self, offer: Offer, args: Mapping[str, str]) -> Plan:
        """Raises Refused, whatever went wrong."""

    async def run(self, plan: Plan) -> tuple[bool, str]:
        """Whether what the plan expects was observed, and a sentence: "failed: ..." where it was not."""


class Lying:
    """A source whose `do` does nothing at all, and says that it did."""

    def __init__(self, source: Source) -> None:
        self._source, self.name, self.host = source, source.name, source.host
        self.watch = source.watch

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        plan = await self._source.plan(offer, args, io)
        return structs.replace(plan, expect=tuple(structs.replace(e, within=FOUND_OUT) for e in plan.expect))

    async def do(self, step: Step, io: IO) -> None:
        pass


def candidates(offer: Offer) -> Iterator[dict[str, str]]:
    """Arguments to try, from what the offer says of them."""
    names = [arg.name for arg in offer.args]
    return (dict(zip(names, values, strict=True)) for values in itertools.product(*map(_values, offer.args)))


def _values(arg: Arg) -> list[str]:
    if arg.choices:
        return [*([arg.default] if arg.default else []), *arg.choices]
    if arg.default or arg.minimum is None or arg.maximum is None:
        return [arg.default]
    return [str(round(arg.minimum + part * (arg.maximum - arg.minimum))) for part in (0.37, 0.61)]


async def planned(actor: Actor, offer: Offer) -> Plan | None:
    """A plan with the first arguments that are not refused."""
    for args in candidates(offer):
        try:
            return await actor.plan(offer, args)
        except Refused:
            continue
    return None


async def act_all(actor: Actor) -> Done:
    """Each action of each kind, as far as what is there offers it: a lie must be found out, the truth seen. What an
    action makes possible is taken next."""
    done = set[tuple[str, str]]()
    while fresh := await _fresh(actor, done):
        await _quiet(actor, [expect for plan in fresh.values() for expect in plan.expect])
        honest = dict(actor.sources)
        actor.sources.update({name: Lying(source) for name, source in honest.items()})
        plans = {key: await planned(actor, plan.offer) for key, plan in fresh.items()}
        lies = {key: plan for key, plan in plans.items() if plan}
        turns = defaultdict[Id, asyncio.Lock](asyncio.Lock)
        outcomes = await asyncio.gather(*(_in_turn(actor, plan, turns) for plan in lies.values()))
        for key, (ok, text) in zip(lies, outcomes, strict=True):
            assert not ok, f"{key}: nothing was done, and it says {text}"
            assert text.startswith("failed: "), f"{key}: {text}"
        actor.sources.update(honest)
        for key, plan in fresh.items():
            again = await _plan_of(actor, plan.offer.target, plan.offer.action)
            if again is None:  # an earlier one of this round has made it impossible: the next round
                continue
            ok, text = await actor.run(again)
            assert ok, f"{key}: {text}"
            await _not_twice(actor, again)
            done.add(key)
    return done


async def _in_turn(actor: Actor, plan: Plan, turns: Mapping[Id, asyncio.Lock]) -> tuple[bool, str]:
    """Two runs with one target at once are refused."""
    async with turns[plan.offer.target]:
        return await actor.run(plan)


async def _quiet(actor: Actor, expected: Sequence[Expect]) -> None:
    """Waits until what is to be seen changes no more: an earlier action may still have its effects, and they are not
    to be taken for a lie's. (What is so already, as a position that moves, proves nothing.)"""
    sources = {source for e in expected if (source := actor.source_of(e.target))}
    seen, since = [""], dict[Id, float]()
    read = dict.fromkeys(sources, 0)

    def rests() -> bool:
        nonlocal seen
        targets = [(e, actor.target(e)) for e in expected]
        now = [repr(getattr(target, e.field, "")) for e, target in targets if not met(e, target)]
        for source in sources:
            at = actor.observed(source)
            read[source] += at != since.get(source)
            since[source] = at
        if now != seen:
            seen = now
            read.update(dict.fromkeys(sources, 0))
        return all(times >= QUIET for times in read.values())

    await until_async(rests, "it comes to rest", news=actor.changed, seen=lambda: seen)


async def _fresh(actor: Actor, done: Done) -> dict[tuple[str, str], Plan]:
    """A plan for each action that has not been taken yet and can be now."""
    found: dict[tuple[str, str], Plan] = {}
    for id, resource in list(actor.resources.items()):
        for offer in resource.offers:
            key = (id.kind, offer.action)
            if key not in done and key not in found and (plan := await _plan_of(actor, id, offer.action)):
                found[key] = plan
    return dict(sorted(found.items(), key=lambda each: each[0][1] in ENDS_OTHERS))


async def _plan_of(actor: Actor, target: Id, action: str) -> Plan | None:
    """A plan of the offer as it stands now. A plan that is fulfilled before it is run could not be seen to fail."""
    resource = actor.resources.get(target)
    offer = resource.offer(action) if resource else None
    plan = await planned(actor, offer) if offer and not offer.blocked else None
    if plan is not None:
        assert plan.steps, f"{target} {action} says nothing of what it does"
        assert not all(met(e, actor.target(e)) for e in plan.expect), f"{target} {action}: already so"
    return plan


async def _not_twice(actor: Actor, plan: Plan) -> None:
    """What is done is refused the second time, or promises something that is not so yet."""
    try:
        again = await actor.plan(plan.offer, plan.args)
    except Refused:
        return
    fulfilled = all(met(e, actor.target(e)) for e in again.expect)
    assert not fulfilled, f"{plan.offer.target} {plan.offer.action} is planned again though it is already so"
