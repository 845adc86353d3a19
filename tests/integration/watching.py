"""Drives one source through the real runtime, for tests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping

from backends.contract import IO, Expect, Id, Observation, Plan, Resource, Source, State, Test, source_id
from backends.runtime import Runtime
from tests.patience import until_async


async def carry_out(source: Source, plan: Plan, io: IO) -> list[str]:
    """All steps of a plan; what the source says of them."""
    return [said for step in plan.steps if (said := await source.do(step, io))]


class Watched:
    """What a source has said up to now: its state, its resources, every observation."""

    def __init__(self, runtime: Runtime, source: Source) -> None:
        self.runtime, self.source = runtime, source
        self.state = State.STARTING
        self.sentence = ""
        self.said: list[str] = []  # of the last plan's steps
        self.resources: dict[Id, Resource] = {}
        self.seen: list[Observation] = []
        self._news = asyncio.Condition()

    async def follow(self) -> None:
        async for observation in self.runtime.observations():
            self.seen.append(observation)
            self.state, self.sentence = observation.health.state, observation.health.sentence
            if observation.complete:
                self.resources = {}
            self.resources |= {resource.id: resource for resource in observation.upserts}
            for gone in observation.gone:
                self.resources.pop(gone, None)
            async with self._news:
                self._news.notify_all()

    async def until(self, true: Callable[[Watched], object]) -> None:
        """Waits for it. Fails with what was seen instead."""

        def seen() -> str:
            return f"{self.state} {self.sentence}; {list(self.resources.values())}"

        await until_async(lambda: true(self), news=self._changed, seen=seen)

    async def again(self, times: int = 3) -> None:
        """Waits until the source has spoken so many times more."""
        spoken = len(self.seen)
        await self.until(lambda w: len(w.seen) >= spoken + times)

    async def _changed(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait()

    def of(self, kind: str, name: str = "") -> Resource | None:
        found = [r for id, r in self.resources.items() if id.kind == kind and name in ("", id.local, r.name)]
        return found[0] if found else None

    def get(self, kind: str, field: str, name: str = "") -> object:
        return getattr(self.of(kind, name), field, None)

    async def act(self, target: Resource, action: str, args: Mapping[str, str] | None = None) -> Plan:
        """Plans and carries out an offer of the target, then waits for what the plan expects."""
        offer = target.offer(action)
        assert offer is not None, f"{target.id} offers no {action}"
        io = self.runtime.io(source_id(self.source))
        plan = await self.source.plan(offer, args or {}, io)
        before = dict(self.resources)
        self.said = await carry_out(self.source, plan, io)
        self.runtime.touch(source_id(self.source))
        for expect in plan.expect:
            await self.until(lambda w, e=expect: met(e, w.resources.get(e.target), before.get(e.target)))
        return plan


def met(expect: Expect, now: Resource | None, before: Resource | None) -> bool:
    value = getattr(now, expect.field, None)
    match expect.test:
        case Test.EQUALS:
            return bool(value == expect.wanted)
        case Test.DIFFERS:
            return isinstance(value, int | float | str) and value != expect.wanted
        case Test.CONTAINS:
            return isinstance(value, tuple) and expect.wanted in value
        case Test.LACKS:
            return isinstance(value, tuple) and expect.wanted not in value
        case Test.NEAR:
            return isinstance(value, int | float) and abs(value - float(str(expect.wanted))) <= 1
    raise AssertionError(expect)


@contextlib.asynccontextmanager
async def watching(source: Source) -> AsyncIterator[Watched]:
    runtime = Runtime()
    watched = Watched(runtime, source)
    runtime.start([source])
    task = asyncio.create_task(watched.follow())
    try:
        yield watched
    finally:
        task.cancel()
        await runtime.stop()
