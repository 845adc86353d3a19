"""From a key to a deed: choose an action, ask for its arguments, show its plan, confirm, run, say how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Hashable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from textual.screen import Screen
from textual.worker import Worker

from backends.contract import Id, Offer, Refused
from console.options import who
from console.panes import offers
from console.screens.ask import Ask
from console.screens.choose import Choose
from console.screens.confirm import Confirm
from console.venue import group
from console.venue.operate import Operator
from console.venue.unrecorded import NOTE
from console.venue.venue import Venue

T = TypeVar("T")


class Stage(Protocol):
    """What acting needs of the application: dialogs, a line for news, and workers."""

    def say(self, text: str, style: str = "") -> None: ...

    async def push_screen_wait(self, screen: Screen[T]) -> T | None: ...

    def run_worker(self, work: Coroutine[Any, Any, None], *, group: str) -> Worker[None]: ...


class Acting:
    """From a key to a confirmed plan: one such conversation at a time. What is confirmed is followed beside whatever
    is asked for meanwhile."""

    def __init__(self, stage: Stage, venue: Venue) -> None:
        self._stage, self._venue = stage, venue
        self._talk: Worker[None] | None = None
        self._planning: asyncio.Task[group.Group] | None = None

    def choose(self, ids: Sequence[Id]) -> None:
        """Lets the operator choose among the offers of one resource and of its chain, or of several."""
        self._converse(self._choose(ids))

    def act(self, targets: Sequence[Id], action: str, args: Mapping[str, str] = {}, ask: bool = True) -> None:
        """Plans, shows, asks, runs and says how it ended. Without `ask`, arguments are their defaults."""
        self._converse(self._act(targets, action, args, ask))

    def _converse(self, talk: Coroutine[Any, Any, None]) -> None:
        """While a plan is being made, what is asked for next takes its place; while a dialog waits, or was answered a
        moment ago, it does not."""
        if self._talk is not None and not self._talk.is_finished and not (self._planning and self._planning.cancel()):
            talk.close()
            return
        self._talk = self._stage.run_worker(talk, group="act")

    async def _choose(self, ids: Sequence[Id]) -> None:
        venue, say = self._venue, self._stage.say
        what = venue.name_of(ids[0]) if len(ids) == 1 else f"these {len(ids)}"
        choices = offers.rows(venue, ids[0]) if len(ids) == 1 else offers.shared(venue, ids)
        lost = venue.lost(ids)
        choices += offers.cancelling({id: found for id in ids if (found := venue.runs.underway(id))})
        choices += offers.forgetting(venue, lost) + offers.settling(venue, ids)
        if not choices:
            say(f"no actions for {what}")
            return
        title = f"actions on {what}" + (" and along its chain" if len(ids) == 1 else "")
        chosen = await self._stage.push_screen_wait(Choose(title, choices))
        if isinstance(chosen, tuple) and chosen[1] == offers.CANCEL:
            await self._cancel(chosen[0])
        elif isinstance(chosen, tuple):
            await self._act(ids if chosen[0] is None else [chosen[0]], chosen[1], {}, ask=True)
        elif chosen == offers.FORGET:
            venue.forget(lost, who())
            say(f"{what}: not missed any more, until seen again", "good")
        elif isinstance(chosen, int):
            await venue.runs.settle(chosen, who())

    async def _cancel(self, target: Id) -> None:
        name, say = self._venue.name_of(target), self._stage.say
        try:
            say(f"{name}: {await self._venue.runs.cancel(target, who())}")
        except (Refused, OSError) as error:
            say(f"{name}: not cancelled: {error}", "warn")

    async def _act(self, targets: Sequence[Id], action: str, args: Mapping[str, str], ask: bool) -> None:
        venue, say = self._venue, self._stage.say
        found = group.offered(venue, targets, action)
        if not found:
            say(f"{venue.name_of(targets[0])} does not offer {action} now", "warn")
            return
        operator, several = Operator(venue, who()), len(targets) > 1
        offer = next(iter(found.values()))
        name = f"these {len(targets)}" if several else venue.name_of(offer.target)
        try:
            given = await self._arguments(found, name, args, ask)
            if given is None:
                return
            self._planning = asyncio.create_task(
                group.plan(operator, targets, found, group.spread(venue, found, given))
            )
            plans = await self._planning
        except Refused as refused:
            say(f"{name}: {refused}", "warn")
            return
        named, left_out = group.by_name(operator, plans.plans), group.by_name(operator, plans.left_out)
        note = f"{NOTE} ({venue.journal.failure})" if venue.journal.failure else ""
        if await self._stage.push_screen_wait(Confirm(named, left_out, plans.meanwhile, plans.risk, note)):
            before = "" if several else f"{name}: "
            self._stage.run_worker(self._run(operator, plans, before, unrecorded=bool(note)), group="run")

    async def _run(self, operator: Operator, plans: group.Group, before: str, unrecorded: bool) -> None:
        """Says how it goes and how it ended. A journal that is found unwritable only now is shown in the next plan."""
        outcome = await group.run(operator, plans, self._stage.say, unrecorded)
        again = "" if outcome.ok or unrecorded or not self._venue.journal.failure else "; act again to do it unrecorded"
        self._stage.say(before + outcome.text + again, "good" if outcome.ok else "crit")

    async def _arguments(
        self, found: Mapping[Id, Offer], name: str, given: Mapping[str, str], ask: bool
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
                choices = [(word, ((word, ""),)) for word in arg.choices]
                value = await self._stage.push_screen_wait(Choose(title, choices))
            else:
                value = await self._stage.push_screen_wait(Ask(title, arg))
            if value is None:
                return None
            args[arg.name] = str(value)
        return args
