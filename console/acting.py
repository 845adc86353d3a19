"""From a key to a deed: choose an action, ask for its arguments, show its plan, confirm, run, say how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

from backends.contract import Id, Offer, Refused
from console.panes import offers
from console.screens.ask import Ask
from console.screens.choose import Choose
from console.screens.confirm import Confirm
from console.venue import group
from console.venue.operate import Operator

if TYPE_CHECKING:
    from console.app import Foh


async def choose(app: Foh, ids: Sequence[Id]) -> None:
    """Lets the operator choose among the offers of one resource and of its chain, or of several, then acts."""
    if app.venue is None:
        return
    what = app.venue.name_of(ids[0]) if len(ids) == 1 else f"these {len(ids)}"
    choices = offers.rows(app.venue, ids[0]) if len(ids) == 1 else offers.shared(app.venue, ids)
    lost = app.venue.lost(ids)
    choices += offers.forgetting(app.venue, lost) + offers.settling(app.venue, ids)
    if not choices:
        app.say(f"{what} offers nothing now")
        return
    title = f"actions on {what}" + (" and along its chain" if len(ids) == 1 else "")
    chosen = await app.push_screen_wait(Choose(title, choices))
    if isinstance(chosen, tuple):
        await act(app, ids if chosen[0] is None else [chosen[0]], chosen[1], {}, ask=True)
    elif chosen == offers.FORGET:
        app.venue.forget(lost, app.who)
        app.say(f"{what}: not missed any more, until seen again", "good")
    elif isinstance(chosen, int):
        await app.venue.runs.settle(chosen, app.who)


async def act(app: Foh, targets: Sequence[Id], action: str, args: Mapping[str, str], ask: bool) -> None:
    """Plans, shows, asks, runs and says how it ended. Without `ask`, arguments are their defaults."""
    if app.venue is None:
        return
    found = group.offered(app.venue, targets, action)
    if not found:
        app.say(f"{app.venue.name_of(targets[0])} does not offer {action} now", "warn")
        return
    operator, several = Operator(app.venue, app.who), len(targets) > 1
    offer = next(iter(found.values()))
    name = f"these {len(targets)}" if several else app.venue.name_of(offer.target)
    try:
        given = await _arguments(app, found, name, args, ask)
        if given is None:
            return
        app.planning = asyncio.create_task(group.plan(operator, targets, found, group.spread(app.venue, found, given)))
        plans = await app.planning
    except Refused as refused:
        app.say(f"{name}: {refused}", "warn")
        return
    named, left_out = group.by_name(operator, plans.plans), group.by_name(operator, plans.left_out)
    if await app.push_screen_wait(Confirm(named, left_out, plans.meanwhile, plans.risk)):
        app.follow(_run(app, operator, plans, "" if several else f"{name}: "))


async def _run(app: Foh, operator: Operator, plans: group.Group, before: str) -> None:
    """Says how it goes and how it ended. What is asked for next does not end this."""
    outcome = await group.run(operator, plans, lambda text: app.say(text))
    app.say(before + outcome.text, "good" if outcome.ok else "crit")


async def _arguments(
    app: Foh, found: Mapping[Id, Offer], name: str, given: Mapping[str, str], ask: bool
) -> dict[str, str] | None:
    """Asks for what an offer needs, once for all who have it. None if the operator turned away."""
    args, own, offer = dict(given), group.own(found), next(iter(found.values()))
    for arg in offer.args:
        if arg.name in args or arg.name in own or (arg.default and not ask):
            continue
        title = f"{name}: {offer.label}"
        if len(found) > 1 and arg.field:
            title += ", of the largest; the others in proportion"
        value: Hashable | None
        if arg.choices:
            value = await app.push_screen_wait(Choose(title, [(word, ((word, ""),)) for word in arg.choices]))
        else:
            value = await app.push_screen_wait(Ask(title, arg))
        if value is None:
            return None
        args[arg.name] = str(value)
    return args
