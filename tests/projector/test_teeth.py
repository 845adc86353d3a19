"""The contract suite bites: each of these breaks one promise, and is caught."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from foh_projector import POLL, Ask, Projector, ProjectorSource, Said, backend
from msgspec import structs

from backends.contract import (
    IO,
    Backend,
    Context,
    Evidence,
    Finding,
    Gone,
    Id,
    Observation,
    Offer,
    Plan,
    Rule,
    Severity,
    Verdict,
    View,
)
from backends.testing.beds import Bed
from backends.testing.faults import SOCKET_FAULTS
from backends.testing.memory import ROOM
from backends.testing.suite import STALL, Contract
from tests import patience
from tests.patience import elapse
from tests.projector.test_contract import bed

KEPT: set[asyncio.Task[None]] = set()


class Blocks(ProjectorSource):
    def _resource(self, said: Said, at: float) -> Projector:
        elapse(3 * STALL)
        return super()._resource(said, at)


class Patient:
    """No deadlines at all."""

    def __init__(self, io: IO) -> None:
        self.clock, self.thread, self.child, self.wait = io.clock, io.thread, io.child, io.wait

    def deadline(self, seconds: float) -> AbstractAsyncContextManager[object]:
        return contextlib.nullcontext()


class Waits(ProjectorSource):
    @contextlib.asynccontextmanager
    async def _connected(self, io: IO) -> AsyncIterator[Ask]:
        async with super()._connected(Patient(io)) as ask:
            yield ask


class Forgets(ProjectorSource):
    """What fails is gone, and all is well."""

    async def watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        while True:
            try:
                async for observation in super().watch(io):
                    yield observation
            except OSError:
                yield Observation(complete=True)
            await asyncio.sleep(POLL)


class Dirty(ProjectorSource):
    """In what the runtime does not clean by itself."""

    def _resource(self, said: Said, at: float) -> Projector:
        dirty = Evidence("title", self.endpoint, at, "\x1b[31mred")
        return structs.replace(super()._resource(said, at), evidence=(dirty,))


class Elsewhere(ProjectorSource):
    def _resource(self, said: Said, at: float) -> Projector:
        return structs.replace(super()._resource(said, at), id=Id("elsewhere", "projector", "x"), offers=())


class ByTheClock(ProjectorSource):
    """Measures by the wall clock, which somebody may set."""

    async def watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        due = 0.0
        async for observation in super().watch(io):
            if time.time() >= due:
                due = time.time() + POLL
                yield observation


class Leaks(ProjectorSource):
    async def watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        KEPT.add(asyncio.create_task(asyncio.sleep(patience.NEVER)))
        async for observation in super().watch(io):
            yield observation


class ExpectsNothing(ProjectorSource):
    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        return structs.replace(await super().plan(offer, args, io), expect=())


class ExpectsWhatIsSo(ProjectorSource):
    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        plan = await super().plan(offer, args, io)
        return structs.replace(plan, expect=(structs.replace(plan.expect[0], field="lamp", wanted=1234),))


class Greedy(ProjectorSource):
    """Reads a line of any length."""

    @contextlib.asynccontextmanager
    async def _connected(self, io: IO) -> AsyncIterator[Ask]:
        async with super()._connected(io) as ask:
            ask._reader._limit = 3 * ROOM  # type: ignore[attr-defined]
            yield ask


class Timeless(ProjectorSource):
    """Does not say when it has read what it says."""

    def _resource(self, said: Said, at: float) -> Projector:
        return super()._resource(said, 0.0)


class PlansAnything(ProjectorSource):
    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        return Plan(offer, dict(args), (), ())


class Suite(Contract):
    faults = SOCKET_FAULTS

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def bed(self, folder: Path) -> AbstractAsyncContextManager[Bed]:
        return bed(self._backend)


FORMED = Contract.test_what_it_says_is_well_formed_and_its_ids_are_stable
FAULT = Contract.test_a_fault_is_said_and_hurts_nobody_else_and_passes
ACTIONS = Contract.test_every_action_is_judged_by_what_is_seen


@pytest.mark.parametrize(
    ("bad", "test", "more", "why"),
    [
        (Blocks, FORMED, {}, "the event loop stood still"),
        (Waits, FAULT, {"fault": "hung"}, "the fault is said"),
        (Forgets, FAULT, {"fault": "gone"}, "the fault is said"),
        (Dirty, FORMED, {}, "red"),
        (Elsewhere, FORMED, {}, "comes from venue1"),
        (ByTheClock, Contract.test_a_clock_that_jumps_does_not_stop_it, {"monkeypatch": ...}, "it looks again"),
        (Leaks, Contract.test_one_that_is_cancelled_leaves_nothing_behind, {}, "tasks"),
        (Greedy, FAULT, {"fault": "huge"}, "the process grew"),
        (Timeless, ACTIONS, {}, "failed: "),
        (ExpectsNothing, ACTIONS, {}, "already so"),
        (ExpectsWhatIsSo, ACTIONS, {}, "already so"),
        (PlansAnything, Contract.test_what_it_does_not_know_is_refused, {}, "DID NOT RAISE"),
    ],
)
async def test_a_broken_promise_is_caught(
    bad: type[ProjectorSource], test: Any, more: dict[str, Any], why: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    async def discover(context: Context, io: IO) -> list[ProjectorSource]:
        return [bad(context.host, endpoint) for endpoint in context.settings.endpoints]

    monkeypatch.setattr("backends.testing.patience.BOUND", patience.BOUND / 12)  # what never comes is given up sooner
    more = {name: monkeypatch if name == "monkeypatch" else value for name, value in more.items()}
    with pytest.raises((AssertionError, pytest.fail.Exception)) as caught:
        await test(Suite(structs.replace(backend, discover=discover)), tmp_path, **more)
    assert why in str(caught.value)
    for task in KEPT:
        task.cancel()


def hasty(subject: Projector | Gone, view: View) -> Verdict:
    return Verdict() if subject.lamp > 0 else Verdict(undecided=True)  # type: ignore[union-attr,operator]


def dirty(subject: Projector | Gone, view: View) -> Verdict:
    return Verdict((Finding("DIRTY", Severity.INFO, subject.id, "a\x1b[31m cause"),))


@pytest.mark.parametrize(("judge", "error"), [(hasty, TypeError), (dirty, AssertionError)])
async def test_a_rule_that_breaks_its_promise_is_caught(judge: Any, error: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(error):
        await FORMED(Suite(structs.replace(backend, rules=(Rule("bad", "projector", judge),))), tmp_path)
