"""Runs one backend as the program does, without the program: what its sources say, what is there, and its actions."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Any

from backends import registry
from backends.contract import (
    IO,
    Backend,
    Expect,
    Id,
    Observation,
    Offer,
    Plan,
    Refused,
    Resource,
    Source,
    State,
    Step,
    clean,
)
from backends.expect import basis, met, miss
from backends.runtime import Runtime
from backends.testing.patience import BOUND, POLL, until_async
from backends.testing.pulse import Pulse

HOST = "venue1"
PLANNED, DONE = 10.0, 60.0  # seconds that the program gives a source to plan, and to do a step


class Sibling:
    """A source that is always well and takes its thread twenty times a second."""

    name, host = "sibling", HOST

    async def watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        while True:
            await io.thread(int)
            yield Observation()
            await asyncio.sleep(POLL)

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        raise Refused("nothing to do")

    async def do(self, step: Step, io: IO) -> None:
        raise Refused("nothing to do")


class Stage:
    """One backend that runs, with a sibling beside it. `source` is the source under test."""

    def __init__(self, runtime: Runtime, source: Id) -> None:
        self._runtime, self.source, self.pulse = runtime, source, Pulse()
        self.everything: list[Observation] = []
        self._owned: dict[Id, dict[Id, Resource]] = {}
        self._news = asyncio.Event()

    async def follow(self) -> None:
        async for batch in self._runtime.batches():
            for observation in batch:
                self._take(observation)
            self._news.set()
            self._news.clear()

    def _take(self, observation: Observation) -> None:
        self.everything.append(observation)
        if observation.health.state is not State.OK:
            return  # what was there may be there still
        owned = self._owned.setdefault(observation.source, {})
        if observation.complete:
            owned.clear()
        for id in observation.gone:
            owned.pop(id, None)
        owned.update({resource.id: resource for resource in observation.upserts})

    # --- what is seen -----------------------------------------------------------------------------------------

    @property
    def said(self) -> list[Observation]:
        """By the source under test."""
        return [observation for observation in self.everything if observation.source == self.source]

    @property
    def state(self) -> State:
        return self.said[-1].health.state if self.said else State.STARTING

    @property
    def owned(self) -> Mapping[Id, Resource]:
        """The resources of the source under test."""
        return self._owned.get(self.source, {})

    @property
    def resources(self) -> Mapping[Id, Resource]:
        """Those of all its siblings as well."""
        return {id: resource for owned in self._owned.values() for id, resource in owned.items()}

    @property
    def beats(self) -> int:
        """How often its sibling has spoken."""
        return sum(observation.source.local == Sibling.name for observation in self.everything)

    async def changed(self, seconds: float) -> None:
        """Returns at the next observation, or when the time is over."""
        with contextlib.suppress(TimeoutError):  # the time is over
            async with asyncio.timeout(seconds):
                await self._news.wait()

    async def until(self, true: Callable[[], object], what: str = "") -> None:
        """Fails with what is known instead."""

        def seen() -> str:
            last = self.said[-1].health if self.said else "nothing"
            return f"{self.source} said {last}; {list(self.owned)[:20]}"

        await until_async(true, what, news=self.changed, seen=seen)

    async def again(self, times: int = 3) -> None:
        """Waits until the source has spoken so many times more."""
        spoken = len(self.said)
        await self.until(lambda: len(self.said) >= spoken + times, "it looks again")

    async def well(self) -> None:
        """Waits until the source has said something good, from now on."""
        before = len(self.said)
        await self.until(lambda: any(o.health.state is State.OK for o in self.said[before:]))

    # --- what is done (an acting.Actor) -----------------------------------------------------------------------

    @property
    def sources(self) -> dict[Id, Source]:
        return self._runtime.sources

    def io(self, source: Id) -> IO:
        return self._runtime.io(source)

    def source_of(self, target: Id) -> Id | None:
        return next((source for source, owned in self._owned.items() if target in owned), None)

    def observed(self, source: Id) -> float:
        """When it last spoke."""
        return next((each.at for each in reversed(self.everything) if each.source == source), 0.0)

    def target(self, expect: Expect) -> Resource | None:
        """What an expectation is about."""
        resources = self.resources
        resource = resources.get(expect.target)
        if not expect.via or resource is None:
            return resource
        keys = [link.to for link in resource.links if link.relation == expect.via]
        return next((each for key in keys for each in resources.values() if key in each.keys), None)

    async def plan(self, offer: Offer, args: Mapping[str, str]) -> Plan:
        """Raises Refused with the reason, also for what went wrong while planning."""
        source = self.source_of(offer.target)
        if source is None:
            raise Refused(f"{offer.target} is not there any more")
        if offer.blocked:
            raise Refused(offer.blocked)
        try:
            async with asyncio.timeout(PLANNED):
                plan = await self.sources[source].plan(offer, args, self.io(source))
        except Refused:
            raise
        except Exception as error:
            raise Refused(clean(str(error) or type(error).__name__)) from error
        if any(expect.via and not self.target(expect) for expect in plan.expect):
            raise Refused("whether it works could not be seen")
        return plan

    async def run(self, plan: Plan) -> tuple[bool, str]:
        """Carries it out and judges it by what is observed then: whether it worked, and a sentence."""
        source = self.source_of(plan.offer.target)
        began = self._runtime.io(self.source).clock()
        try:
            fresh = await self.plan(plan.offer, plan.args)
            if basis(fresh) != basis(plan):
                raise Refused("state changed since this plan was made")
            assert source is not None
            for step in plan.steps:
                await self._do(source, step)
        except Refused as refused:
            return False, f"not done: {refused}"
        except Exception as error:  # noqa: BLE001  (whatever a source raises is an outcome)
            return False, f"failed: {error!r}"
        for expect in fresh.expect:
            if not await self._shown(expect, began):
                return False, f"failed: {miss(expect, self.target(expect))}"
        return True, f"done: {plan.offer.label}"

    async def _do(self, source: Id, step: Step) -> None:
        try:
            async with asyncio.timeout(DONE):
                await self.sources[source].do(step, self.io(source))
        finally:  # one that failed may have done something as well
            self._runtime.touch(source)

    async def _shown(self, expect: Expect, began: float) -> bool:
        """Whether it is observed in time, by a reading made after the plan was begun."""
        with contextlib.suppress(TimeoutError):  # it is not observed
            async with asyncio.timeout(expect.within):
                while True:
                    resource = self.target(expect)
                    if resource and resource.at >= began and met(expect, resource):
                        return True
                    await self.changed(POLL)
        return False


@contextlib.asynccontextmanager
async def staged(backend: Backend, section: Mapping[str, Any], source: str) -> AsyncIterator[Stage]:
    """Discovers with this section of the configuration, and waits until the source speaks whose name begins so."""
    found, health = await registry.discover(backend, HOST, section, {})
    assert health.state is State.OK, f"discovery: {health.sentence}"
    runtime = Runtime()
    runtime.start(found, backend.name)
    name = next((id for id in runtime.sources if id.local.startswith(source)), None)
    assert name, f"discovery has found {[id.local for id in runtime.sources]}, and nothing that begins with {source!r}"
    runtime.start([Sibling()])
    stage = Stage(runtime, name)
    following = asyncio.create_task(stage.follow())
    feeling = None
    try:
        await stage.until(lambda: stage.state is State.OK and stage.owned, "it speaks")
        feeling = asyncio.create_task(stage.pulse.feel())  # from now on: imports happen once
        yield stage
    finally:
        tasks = {each for each in (following, feeling) if each}
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=BOUND)
        await runtime.stop()
