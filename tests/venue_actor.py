"""Actions as the console takes them, for the contract suite's `act_all`: planned by an operator, carried out by the
venue, and in the journal."""

from __future__ import annotations

from collections.abc import Mapping

from backends.contract import Expect, Gone, Id, Plan, Resource, Source
from console.venue.operate import Operator
from console.venue.venue import Venue


class VenueActor:
    """A backends.testing.acting.Actor."""

    def __init__(self, venue: Venue, sources: dict[Id, Source]) -> None:
        self.sources, self._venue, self._operator = sources, venue, Operator(venue, "tester")
        self.changed, self.plan = venue.changed, self._operator.plan

    @property
    def resources(self) -> Mapping[Id, Resource]:
        return self._venue.state.current

    def source_of(self, target: Id) -> Id | None:
        return self._venue.state.source_of(target)

    def observed(self, source: Id) -> float:
        return self._venue.state.seen_at.get(source, 0.0)

    def target(self, expect: Expect) -> Resource | Gone | None:
        return self._venue.subject(expect)

    async def run(self, plan: Plan) -> tuple[bool, str]:
        outcome = await self._operator.run(plan)
        entries = await self._venue.journal.about(str(plan.offer.target), 200)
        written = [entry.what for entry in entries if entry.text == outcome.text]
        assert written[:1] == ["done" if outcome.ok else "failed"], f"the journal says {written} of {outcome.text}"
        return outcome.ok, outcome.text
