"""Runs that last: by a control that does its step once it may, or by another process that wrote the journal."""

from __future__ import annotations

import asyncio
from pathlib import Path

from backends.contract import Plan, Refused, Step
from console.venue.journal import WIRE, RunRow
from console.venue.operate import Operator
from console.venue.venue import Venue
from tests.console.test_operate import BAR, MUTE, Control, venue
from tests.patience import until_async


class Slow(Control):
    """Obeys once it is let."""

    def __init__(self, venue: Venue) -> None:
        super().__init__(venue)
        self.let = asyncio.Event()

    async def do(self, source: str, step: Step) -> None:
        self.steps += 1
        await self.let.wait()
        self.see(state="paused")


async def slow(folder: Path) -> tuple[Venue, Slow]:
    here = await venue(folder / "j.sqlite")
    here.control = control = Slow(here)
    return here, control


async def words(here: Venue) -> list[str]:
    return [entry.what for entry in reversed(await here.journal.about(str(BAR)))]


async def begun(here: Venue, control: Slow) -> asyncio.Task[object]:
    """A run that has begun and waits, and somebody who waits for it."""
    operator = Operator(here, "ann")
    waiting = asyncio.create_task(operator.run(await operator.plan(MUTE, {})))
    await until_async(lambda: control.steps)
    return waiting


async def refused(here: Venue, plan: Plan) -> None:
    """Raises what a run is refused with."""
    outcome = await Operator(here, "eva").run(plan)
    assert not outcome.ok
    raise Refused(outcome.text)


def row(owner: str, action: str = "pause") -> RunRow:
    return RunRow(0, 1000.0, "ann", str(BAR), action, WIRE.encode(Plan(MUTE, {}, (), ())).decode(), owner)
