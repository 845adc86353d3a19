"""The observations that wait for the venue. Bounded: those of one source are merged into at most two."""

from __future__ import annotations

import asyncio

from msgspec import Struct, structs

from backends.contract import Id, Observation, State


def merge(old: Observation, new: Observation) -> Observation:
    """Merges two observations of a healthy source into one with the effect of both."""
    if new.complete:
        return new
    upserts = {resource.id: resource for resource in old.upserts}
    for id in new.gone:
        upserts.pop(id, None)
    upserts |= {resource.id: resource for resource in new.upserts}
    gone = tuple(dict.fromkeys(id for id in (*old.gone, *new.gone) if id not in upserts))
    return structs.replace(new, upserts=tuple(upserts.values()), gone=gone, complete=old.complete)


class Pending(Struct):
    """The waiting observations of one source: what it reported while well, then that it is unwell or has left."""

    well: Observation | None = None
    unwell: Observation | None = None

    def add(self, new: Observation) -> None:
        if new.left or new.health.state is not State.OK:
            self.unwell = new
        else:
            self.well, self.unwell = merge(self.well, new) if self.well else new, None


class Mailbox:
    """The newest observations of every source, in the order of the sources' first observation."""

    def __init__(self) -> None:
        self._pending: dict[Id, Pending] = {}
        self._news = asyncio.Event()

    def post(self, observation: Observation) -> None:
        self._pending.setdefault(observation.source, Pending()).add(observation)
        self._news.set()

    def holds(self, source: Id) -> bool:
        """Whether an observation of this source is waiting."""
        return source in self._pending

    async def take(self) -> list[Observation]:
        """Waits for an observation, and takes all of them."""
        await self._news.wait()
        self._news.clear()
        pending, self._pending = self._pending, {}
        return [one for each in pending.values() for one in (each.well, each.unwell) if one]
