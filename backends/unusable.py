"""Stands for a source that cannot be made, so that one bad address is one sentence and the others are found."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from backends.contract import IO, Health, Observation, Offer, Plan, Refused, Remedy, State, Step


class Unusable:
    """`sentence` says what is wrong with it and where that stands, `remedy` what to do."""

    def __init__(self, host: str, name: str, sentence: str, remedy: str) -> None:
        self.host, self.name = host, name
        self._health = Health(State.WRONG, sentence, Remedy(remedy))

    async def watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        yield Observation(self._health)

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        raise Refused(self._health.sentence)

    async def do(self, step: Step, io: IO) -> None:
        raise Refused(self._health.sentence)
