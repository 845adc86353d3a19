"""From a key to a deed: choose an action, ask for its arguments, show its plan, confirm, run, say how it ended."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

from backends.contract import Id, Offer, Refused
from console.panes import offers
from console.screens.ask import Ask
from console.screens.choose import Choose
from console.screens.confirm import Confirm
from console.venue.operate import Operator, locate

if TYPE_CHECKING:
    from console.app import Foh


async def choose(app: Foh, id: Id) -> None:
    """Lets the operator choose among the offers of a resource and of its chain, then acts."""
    if app.venue is None:
        return
    name, choices = app.venue.name_of(id), offers.rows(app.venue, id)
    if not choices:
        app.say(f"{name} offers nothing now")
        return
    chosen = await app.push_screen_wait(Choose(f"actions on {name} and along its chain", choices))
    if isinstance(chosen, tuple):
        await act(app, chosen[0], chosen[1], {}, ask=True)


async def act(app: Foh, target: Id, action: str, args: Mapping[str, str], ask: bool) -> None:
    """Plans, shows, asks, runs and says how it ended. Without `ask`, arguments are their defaults."""
    if app.venue is None:
        return
    offer = locate(app.venue, target, action)
    if offer is None:
        app.say(f"{app.venue.name_of(target)} does not offer {action} now", "warn")
        return
    operator, name = Operator(app.venue, app.who), app.venue.name_of(offer.target)
    try:
        given = await _arguments(app, offer, name, args, ask)
        if given is None:
            return
        plan = await operator.plan(offer, given)
    except Refused as refused:
        app.say(f"{name}: {refused}", "warn")
        return
    if await app.push_screen_wait(Confirm(plan, name)):
        outcome = await operator.run(plan, lambda text: app.say(f"{name}: {text}"))
        app.say(f"{name}: {outcome.text}", "good" if outcome.ok else "crit")


async def _arguments(app: Foh, offer: Offer, name: str, given: Mapping[str, str], ask: bool) -> dict[str, str] | None:
    """Asks for what an offer needs. None if the operator turned away."""
    args = dict(given)
    for arg in offer.args:
        if arg.name in args:
            continue
        if arg.default and not ask:
            args[arg.name] = arg.default
            continue
        title = f"{name}: {offer.label}"
        value: Hashable | None
        if arg.choices:
            value = await app.push_screen_wait(Choose(title, [(word, ((word, ""),)) for word in arg.choices]))
        else:
            value = await app.push_screen_wait(Ask(title, arg))
        if value is None:
            return None
        args[arg.name] = str(value)
    return args
