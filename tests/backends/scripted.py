"""A source whose watching is a test's own function, and the runtime around it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping

from backends.clock import MACHINE, Clock
from backends.contract import IO, Observation, Offer, Plan, Step
from backends.runtime import Runtime
from tests.patience import limit


class Scripted:
    """A source whose watching is a test's own function."""

    host = "h"

    def __init__(self, name: str, watch: Callable[[IO], AsyncGenerator[Observation, None]]) -> None:
        self.name, self.watch = name, watch

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        raise NotImplementedError

    async def do(self, step: Step, io: IO) -> None:
        raise NotImplementedError


@contextlib.asynccontextmanager
async def runtime(*sources: Scripted, clock: Clock = MACHINE) -> AsyncIterator[Runtime]:
    started = Runtime(clock)
    started.start(sources)
    try:
        yield started
    finally:
        await started.stop()


async def said(of: Runtime, count: int) -> list[Observation]:
    found: list[Observation] = []
    async with limit():
        async for observation in of.observations():
            found.append(observation)
            if len(found) == count:
                break
    return found
