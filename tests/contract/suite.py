"""The contract suite: what every backend promises, for any backend, built-in or a stranger's.

    class TestMine(Contract):
        faults = SOCKET_FAULTS

        def bed(self, folder: Path) -> AbstractAsyncContextManager[Bed]:
            return my_bed(folder)

A bed starts one endpoint (real or embedded, with a `faults.Proxy` or `faults.BrokenFile` in front) and knows how to
spoil it. `python -m pytest` does the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, ClassVar, Protocol

import msgspec
import psutil
import pytest
from msgspec import structs

from backends.contract import Backend, Offer, Refused, State
from tests.contract.acting import act_all
from tests.contract.checks import check_observations, check_resource, texts
from tests.contract.running import Run, running
from tests.patience import SLOWNESS, changed, until_async
from tests.payloads import MARKUP, PAYLOADS

STALL = 0.1 * SLOWNESS  # seconds for which the event loop may stand still, not counting those without a processor
LOOKS = 10  # in a row that find the same, until nothing more is expected to end


class Bed(Protocol):
    """One endpoint of a backend, started for one test."""

    backend: Backend
    source: str  # how the name of its source begins
    host: str  # what its ids must say
    section: Mapping[str, Any]  # its settings
    room: int  # characters that it takes from a stranger

    async def spoil(self, fault: str) -> None: ...

    async def mend(self) -> None: ...

    async def say(self, text: str) -> None:
        """Puts the text wherever the system takes text from strangers."""


class Contract:
    """Derive from it, give it a bed, and say which faults there are: the states that each may lead to (none: the
    source stays well)."""

    faults: ClassVar[Mapping[str, frozenset[State]]] = {}
    actions: ClassVar[int] = 0  # how many different ones its resources offer

    def bed(self, folder: Path) -> AbstractAsyncContextManager[Bed]:
        raise NotImplementedError

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "fault" in metafunc.fixturenames:
            metafunc.parametrize("fault", list(self.faults))

    @contextlib.asynccontextmanager
    async def started(self, folder: Path) -> Any:
        async with self.bed(folder) as bed, running(bed.backend, bed.section, bed.source, folder) as run:
            yield bed, run
            check_observations(bed.backend, bed.host, run.said)
            assert run.pulse.worst < STALL, f"the event loop stood still for {run.pulse.worst:.3f} s"

    async def test_what_it_says_is_well_formed_and_its_ids_are_stable(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as (bed, run):
            first = set(run.resources)
            for resource in run.resources.values():
                check_resource(bed.backend, bed.host, resource)
            async with running(bed.backend, bed.section, bed.source, tmp_path / "again") as again:
                assert set(again.resources) == first

    async def test_no_text_is_acted_on_and_none_is_eaten(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as (bed, run):
            for number, (name, payload) in enumerate(PAYLOADS.items()):
                mark = f"~{number}~"
                text = (mark + payload)[: bed.room]
                await bed.say(text)
                await run.until(lambda mark=mark: _seen(run, mark))
                if name in MARKUP:
                    assert _seen(run, text), f"{name}: something was eaten"
            assert {observation.health.state for observation in run.said} == {State.OK}

    async def test_a_fault_is_said_and_hurts_nobody_else_and_passes(self, tmp_path: Path, fault: str) -> None:
        async with self.started(tmp_path) as (bed, run):
            before, count = dict(run.resources), len(run.said)
            await bed.spoil(fault)
            if expected := self.faults[fault]:
                await run.until(lambda: run.state in expected, "the fault is said")
            else:
                await run.again()
                assert {o.health.state for o in run.said[count:]} == {State.OK}
            assert set(run.resources) == set(before), "what cannot be seen is not gone"
            await run.until(changed(lambda: run.beats, 3), "its sibling goes on meanwhile")
            await bed.mend()
            await run.well()
            await run.until(lambda: set(run.resources) == set(before))

    async def test_a_clock_that_jumps_does_not_stop_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        async with self.started(tmp_path) as (bed, run):
            wall = time.time
            for number, hours in enumerate((-1, 1)):
                monkeypatch.setattr(time, "time", lambda hours=hours: wall() + 3600 * hours)
                count = len(run.said)
                await run.until(lambda count=count: len(run.said) > count + 1, "it looks again")
                await bed.say(f"~jump{number}~")
                await run.until(lambda number=number: _seen(run, f"~jump{number}~"))
            assert {observation.health.state for observation in run.said} == {State.OK}

    async def test_every_action_is_judged_by_what_is_seen(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as (_, run):
            assert len(await act_all(run.venue, run.feed.runtime.sources)) == self.actions

    async def test_what_it_does_not_know_is_refused(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as (_, run):
            source, io = run.feed.runtime.sources[run.source], run.feed.runtime.io(run.source)
            for target, resource in run.resources.items():
                for offer in resource.offers or (Offer(target, "none", "nothing"),):
                    with pytest.raises(Refused):
                        await source.plan(structs.replace(offer, action="no-such"), {}, io)
                    if not offer.blocked:
                        with pytest.raises(Refused, match="no-such"):
                            await run.operator.plan(offer, {"no-such": "1"})
                        for arg in offer.args:
                            numeric = ("1e9", "-1", "nan", "٣") if arg.choices or arg.maximum is not None else ()
                            for value in ("\x1b[31m\n", "../x", *numeric):
                                with pytest.raises(Refused):
                                    await run.operator.plan(offer, {arg.name: value})

    async def test_one_that_is_cancelled_leaves_nothing_behind(self, tmp_path: Path) -> None:
        async with self.bed(tmp_path) as bed:
            async with running(bed.backend, bed.section, bed.source, tmp_path):
                pass  # imports and caches
            before = await _left()
            for _ in range(2):
                async with running(bed.backend, bed.section, bed.source, tmp_path):
                    pass
            assert await _left() == before


def _seen(run: Run, text: str) -> bool:
    return any(text in each for each in texts([msgspec.to_builtins(r) for r in run.resources.values()]))


async def _left() -> dict[str, int]:
    """What a source could leave behind in this process, once the far end has noticed as well."""
    said: list[dict[str, int]] = []

    def the_same() -> bool:
        gc.collect()
        said.append(
            {
                "tasks": len(asyncio.all_tasks()),
                "threads": sum(1 for thread in threading.enumerate() if thread.name.startswith("foh ")),
                "files": len(list(Path("/proc/self/fd").iterdir())),
                "children": len(psutil.Process().children(recursive=True)),
            }
        )
        return said[-LOOKS:] == [said[-1]] * LOOKS

    await until_async(the_same, "it comes to rest", seen=lambda: said[-1])
    return said[-1]
