"""One action on several resources: planned one by one, shown as one plan, run side by side, and judged each."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct, structs

from backends.contract import Arg, Id, Offer, Plan, Refused, Risk
from console.venue.operate import Operator, locate
from console.venue.outcome import Outcome
from console.venue.venue import Venue

T = TypeVar("T")

RISKS = (Risk.ROUTINE, Risk.DISRUPTIVE, Risk.DESTRUCTIVE)


class Group(Struct, frozen=True):
    """The plans by target, the targets that are left out and why, and what people use in the venue meanwhile (only
    where the action disrupts something)."""

    plans: dict[Id, Plan]
    left_out: dict[Id, str] = {}
    meanwhile: tuple[str, ...] = ()

    @property
    def risk(self) -> Risk:
        return max((plan.offer.risk for plan in self.plans.values()), key=RISKS.index)


def by_name(operator: Operator, found: Mapping[Id, T]) -> dict[str, T]:
    """The same by the names of what it is about; by the whole id where two have one name."""
    names = Counter(map(operator.name_of, found))
    return {name if names[name := operator.name_of(id)] == 1 else str(id): value for id, value in found.items()}


def offered(venue: Venue, targets: Sequence[Id], action: str) -> dict[Id, Offer]:
    """Who of these has an offer of that name, on itself or along its chain. What is shared is acted upon once."""
    found: dict[Id, Offer] = {}
    for target in targets:
        offer = locate(venue, target, action)
        if offer and offer.target not in {other.target for other in found.values()}:
            found[target] = offer
    return found


def proportional(values: Mapping[Id, float], wanted: float) -> dict[Id, int]:
    """The values, scaled so that the largest becomes `wanted`: what was half as loud stays half as loud."""
    largest = max(values.values(), default=0)
    return {id: round(value * wanted / largest) if largest else round(wanted) for id, value in values.items()}


def own(offers: Mapping[Id, Offer]) -> set[str]:
    """The arguments whose defaults differ between targets, such as a name."""
    defaults: dict[str, set[str]] = {}
    for offer in offers.values():
        for arg in offer.args:
            defaults.setdefault(arg.name, set()).add(arg.default)
    return {name for name, found in defaults.items() if len(found) > 1}


def spread(venue: Venue, offers: Mapping[Id, Offer], args: Mapping[str, str]) -> dict[Id, dict[str, str]]:
    """Each one's arguments; what is not given is its own default. A number that sets a field is meant for the largest,
    and the others keep their ratio to it. What is no number, or out of bounds, is given to all as it is, so that all of
    them refuse it."""
    defaults = {id: {arg.name: arg.default for arg in offer.args if arg.default} for id, offer in offers.items()}
    given = {id: defaults[id] | dict(args) for id in offers}
    for arg in next(iter(offers.values())).args if len(offers) > 1 else ():
        now = {id: getattr(venue.state.get(offer.target), arg.field, None) for id, offer in offers.items() if arg.field}
        values = {id: value for id, value in now.items() if isinstance(value, int | float)}
        wanted = _within(arg, args.get(arg.name, ""))
        if wanted is not None:
            for id, value in proportional(values, wanted).items():
                given[id][arg.name] = str(value)
    return given


def _within(arg: Arg, text: str) -> float | None:
    try:
        wanted = float(text)
    except ValueError:
        return None
    least, most = (arg.minimum or 0, math.inf if arg.maximum is None else arg.maximum)
    return wanted if math.isfinite(wanted) and least <= wanted <= most else None


async def plan(
    operator: Operator, targets: Sequence[Id], offers: Mapping[Id, Offer], args: Mapping[Id, Mapping[str, str]]
) -> Group:
    """Plans for all that have an offer. Raises Refused where nothing is left to do, and for what destroys something:
    that is done one at a time."""

    async def one(id: Id) -> Plan | str:
        if id not in offers:
            return "does not offer it now"
        try:
            return await operator.plan(offers[id], args[id])
        except Refused as refused:
            return str(refused)

    made = dict(zip(targets, await asyncio.gather(*map(one, targets)), strict=True))
    alone = len(made) == 1
    plans = {plan.offer.target if alone else id: plan for id, plan in made.items() if isinstance(plan, Plan)}
    left_out = {id: why for id, why in made.items() if isinstance(why, str)}
    if not plans:
        alike = len(set(left_out.values())) == 1
        said = (why if alike else f"{operator.name_of(id)}: {why}" for id, why in left_out.items())
        raise Refused("; ".join(dict.fromkeys(said)))
    group = Group(plans, left_out)
    if group.risk is not Risk.ROUTINE:
        group = structs.replace(group, meanwhile=operator.in_use())
    if not alone and group.risk is Risk.DESTRUCTIVE:
        raise Refused("it destroys something: do it one at a time")
    return group


async def run(operator: Operator, group: Group, progress: Callable[[str], None], unrecorded: bool = False) -> Outcome:
    """All at once. Each is recorded and judged by itself; who did not follow is named."""

    async def one(id: Id, plan: Plan) -> Outcome:
        return await operator.run(plan, lambda text: progress(f"{operator.name_of(id)}: {text}"), unrecorded)

    outcomes = await asyncio.gather(*(one(id, plan) for id, plan in group.plans.items()))
    ended = by_name(operator, dict(zip(group.plans, outcomes, strict=True)))
    label = next(iter(group.plans.values())).offer.label
    return Outcome(all(outcome.ok for outcome in outcomes), summary(label, ended))


def summary(label: str, ended: Mapping[str, Outcome]) -> str:
    """How it went: how many, how far apart their effects were observed, and who did not, by name first and then why."""
    if len(ended) == 1:
        return next(iter(ended.values())).text
    at = [outcome.at for outcome in ended.values() if outcome.ok]
    failed = {name: outcome.text for name, outcome in ended.items() if not outcome.ok}
    said = [f"{label}: {len(at)} of {len(ended)} done"]
    said += [f"confirmed within {max(at) - min(at):.2f} s of each other"] if len(at) > 1 else []
    said += [f"did not follow: {', '.join(failed)}"] if failed else []
    return "; ".join([*said, *(f"{name}: {text}" for name, text in failed.items())])
