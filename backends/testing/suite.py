"""The contract suite: what every backend promises, for any backend, built-in or a stranger's.

    class TestMine(Contract):
        faults = SOCKET_FAULTS
        actions = 2

        def bed(self, folder: Path) -> AbstractAsyncContextManager[Bed]:
            return my_bed(folder)

A bed (`beds.py`) starts one endpoint, real or embedded, with a `faults.Proxy` or `faults.BrokenFile` in front, and
knows how to spoil it. `python -m pytest` does the rest. It needs pytest and pytest-asyncio: the extra foh[testing].
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import ClassVar

import msgspec
import psutil
import pytest
from msgspec import structs

from backends.contract import Offer, Refused, State
from backends.testing.acting import act_all
from backends.testing.beds import Bed
from backends.testing.checks import check_observations, check_resource, check_rules, texts
from backends.testing.memory import spared
from backends.testing.patience import SLOWNESS, changed, until_async
from backends.testing.payloads import MARKUP, PAYLOADS
from backends.testing.stage import Stage, staged

STALL = 0.1 * SLOWNESS  # seconds for which the event loop may stand still, not counting those without a processor
LOOKS = 10  # in a row that find the same, until nothing more is expected to end


@pytest.mark.asyncio
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
    async def started(self, folder: Path) -> AsyncIterator[tuple[Bed, Stage]]:
        async with self.bed(folder) as bed, staged(bed.backend, bed.section, bed.source) as run:
            yield bed, run
            check_observations(bed.backend, bed.host, run.said)
            assert run.pulse.worst < STALL, f"the event loop stood still for {run.pulse.worst:.3f} s"

    async def test_what_it_says_is_well_formed_and_its_ids_are_stable(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as (bed, run):
            first = set(run.owned)
            for resource in run.owned.values():
                check_resource(bed.backend, bed.host, resource)
                check_rules(bed.backend, resource)
            async with staged(bed.backend, bed.section, bed.source) as again:
                assert set(again.owned) == first, f"ids differ the second time: {set(again.owned) ^ first}"

    async def test_no_text_is_acted_on_and_none_is_eaten(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as (bed, run):
            for number, (name, payload) in enumerate(PAYLOADS.items()):
                mark = f"~{number}~"
                text = (mark + payload)[: bed.room]
                await bed.say(text)
                await run.until(partial(_seen, run, mark), f"{name}: it is shown")
                if name in MARKUP:
                    assert _seen(run, text), f"{name}: something was eaten"
            for resource in run.owned.values():
                check_rules(bed.backend, resource)
            assert _always_well(run), "a text has made it unwell"

    async def test_a_fault_is_said_and_hurts_nobody_else_and_passes(self, tmp_path: Path, fault: str) -> None:
        async with self.started(tmp_path) as (bed, run):
            before, count = set(run.owned), len(run.said)
            with spared():
                await bed.spoil(fault)
                if expected := self.faults[fault]:
                    await run.until(lambda: run.state in expected, "the fault is said")
                    if len(expected) > 1:  # it may be the end of the old connection that was said: try a new one
                        await run.again(1)
                        await run.until(lambda: run.state in expected, "the fault is said again")
                else:
                    await run.again()
                    assert _always_well(run, count), f"{fault} has made it unwell"
            assert set(run.owned) == before, "what cannot be seen is not gone"
            await run.until(changed(lambda: run.beats, 3), "its sibling goes on meanwhile")
            await bed.mend()
            await run.well()
            await run.until(lambda: set(run.owned) == before, "everything is there again")

    async def test_a_clock_that_jumps_does_not_stop_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        async with self.started(tmp_path) as (bed, run):
            wall = time.time
            for number, hours in enumerate((-1, 1)):
                monkeypatch.setattr(time, "time", lambda hours=hours: wall() + 3600 * hours)
                await run.again(2)
                await bed.say(f"~jump{number}~")
                await run.until(partial(_seen, run, f"~jump{number}~"), "it looks again")
            assert _always_well(run), "a clock that was set has made it unwell"

    async def test_every_action_is_judged_by_what_is_seen(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as (_, run):
            done = await act_all(run)
            assert len(done) == self.actions, f"{len(done)} actions, not {self.actions}: {sorted(done)}"

    async def test_what_it_does_not_know_is_refused(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as (_, run):
            source, io = run.sources[run.source], run.io(run.source)
            for target, resource in dict(run.owned).items():
                for offer in resource.offers or (Offer(target, "none", "nothing"),):
                    with pytest.raises(Refused):
                        await source.plan(structs.replace(offer, action="no-such"), {}, io)
                    for arg in offer.args:
                        numeric = ("1e9", "-1", "nan", "٣") if arg.choices or arg.maximum is not None else ()
                        for value in ("\x1b[31m\n", "../x", *numeric):
                            with pytest.raises(Refused):
                                await run.plan(offer, {arg.name: value})

    async def test_one_that_is_cancelled_leaves_nothing_behind(self, tmp_path: Path) -> None:
        async with self.bed(tmp_path) as bed:
            async with staged(bed.backend, bed.section, bed.source):
                pass  # imports and caches
            before = await _left()
            for _ in range(2):
                async with staged(bed.backend, bed.section, bed.source):
                    pass
            after = await _left()
            assert after == before, f"left behind: {after}, before it was {before}"


def _seen(run: Stage, text: str) -> bool:
    return any(text in each for each in texts([msgspec.to_builtins(resource) for resource in run.owned.values()]))


def _always_well(run: Stage, since: int = 0) -> bool:
    return all(observation.health.state is State.OK for observation in run.said[since:])


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
