"""What is being done: a confirmed plan is carried out here, whatever becomes of the screen that asked for it.

A run and each of its steps are in the journal before and after they are done. A run that was interrupted, because the
console ended or was killed in the middle, has an unknown result: the next console shows it until it is resumed, run
again or settled.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from backends.clock import MACHINE, Clock
from backends.contract import (
    Evidence,
    Expect,
    Finding,
    Id,
    Offer,
    Plan,
    Refused,
    Remedy,
    Resource,
    Severity,
    Step,
    clean,
)
from console.venue import resume
from console.venue.journal import Busy, Entry, RunRow
from console.venue.operate import Operator, Outcome, basis, met, seen
from console.venue.owner import lives, owner

if TYPE_CHECKING:
    from console.venue.venue import Venue

GRACE = 2.0  # seconds in which a run may come to its end when the console ends
WRITTEN = 0.5  # seconds in which what was not finished must be written down then
LOOK = 10.0  # seconds between two looks at what other consoles have left unfinished
CUT = "foh ended before this finished"

Progress = Callable[[str], object]


class Runs:
    """The runs of one venue."""

    def __init__(self, venue: Venue, clock: Clock = MACHINE) -> None:
        self._venue, self._clock = venue, clock
        self._tasks: set[asyncio.Task[Outcome]] = set()
        self._ours: set[int] = set()
        self._ending = False
        self.unknown: tuple[RunRow, ...] = ()  # whose result is unknown

    # --- carrying out ---------------------------------------------------------------------------------------

    def start(self, operator: Operator, plan: Plan, progress: Progress) -> asyncio.Task[Outcome]:
        """Begins to carry out a confirmed plan. An awaiter shields it: the run goes on without its awaiter."""
        loop = asyncio.get_running_loop()

        def tell(text: str) -> object:
            """By the loop: a screen that fails while it watches fails alone."""
            return loop.call_soon(progress, text)

        task = asyncio.create_task(self._run(operator, plan, tell), name=f"run {plan.offer.action}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def finish(self) -> None:
        """Before the venue ends: what is going on has GRACE to come to its end, and is else written down as unknown.
        Nothing begins any more."""
        self._ending = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=WRITTEN)

    async def busy(self, target: Id) -> str:
        """Who does what with a target now, and since when; "" if nobody does anything."""
        row = await self._venue.journal.going(str(target))
        return told(row) if row and self._goes_on(row) else ""

    async def _run(self, operator: Operator, plan: Plan, progress: Progress) -> Outcome:
        """Reads the evidence afresh, writes the plan down, does it and judges it. Never raises."""
        try:
            if self._ending:
                raise Refused("foh is ending")
            fresh = await operator.plan(plan.offer, plan.args)
            if basis(fresh) != basis(plan):
                raise Refused("state changed since this plan was shown; plan again")
            began = self._clock.now() if plan.steps else 0.0  # nothing is left of one that is resumed: it is so already
            id = await self._begin(operator.who, plan)
        except Refused as refused:
            return Outcome(False, f"not done: {refused}")
        except OSError as error:
            return Outcome(False, f"not done, because it cannot be journalled: {error}")
        self._ours.add(id)
        try:
            source = self._venue.state.source_of(plan.offer.target)
            assert self._venue.control is not None
            assert source is not None
            for number, step in enumerate(plan.steps, 1):
                progress(step.text)
                await self._before(id, number, operator.who, plan, step)
                said = await self._venue.control.do(source, step)
                await self._after_step(id, number, operator.who, plan, said)
            outcome = await self._judge(operator, plan, fresh.expect, began, progress)
        except asyncio.CancelledError:
            outcome = Outcome(False, f"{CUT}; its result is unknown", unknown=True)
        except Exception as error:  # noqa: BLE001  (whatever it was, the operator is told and it is written down)
            outcome = Outcome(False, f"failed: {clean(str(error) or type(error).__name__, 300)}")
        try:
            after: dict[str, object] = {"after": _after(operator, plan)}
            await self._venue.journal.end(
                id, outcome.word, outcome.text, self._entry(operator.who, outcome.word, plan, outcome.text, after)
            )
        except OSError as error:
            return Outcome(outcome.ok, f"{outcome.text} (but not journalled: {error})", outcome.at)
        finally:
            self._ours.discard(id)
            await self.look()
        return outcome

    async def _begin(self, who: str, plan: Plan) -> int:
        """Raises Refused, and OSError where it cannot be written down."""
        made = msgspec.to_builtins(plan)
        row = RunRow(
            0, self._clock.wall(self._clock.now()), who, str(plan.offer.target), self._action(plan.offer),
            msgspec.json.encode(made).decode(), owner(),
        )  # fmt: skip
        entry = self._entry(who, "planned", plan, plan.offer.label, {"plan": made})
        while True:
            try:
                return await self._venue.journal.begin(row, entry)
            except Busy as busy:
                if self._goes_on(busy.row):
                    raise Refused(told(busy.row)) from busy
                await self._cut_off(busy.row)

    def _action(self, offer: Offer) -> str:
        """What the journal calls it. One that is resumed stays what it was, and so settles the run that it resumes."""
        resumed = next(iter(self.about(offer.target)), None) if offer.action == resume.RESUME else None
        return resumed.action if resumed else offer.action

    async def _judge(
        self, operator: Operator, plan: Plan, expected: Iterable[Expect], began: float, progress: Progress
    ) -> Outcome:
        """`expected` is as it was when the plan was confirmed: a track that has changed by itself since it was shown is
        not the one that was asked for."""
        progress("waiting to see it take effect")
        begun, at = self._clock.now(), began
        for expect in expected:  # in this order: one may be over when the next is there
            while True:
                resource = operator.target(expect)
                if isinstance(resource, Resource) and resource.at >= began and met(expect, resource):
                    at = max(at, resource.at)
                    break
                if self._clock.now() - begun > expect.within:
                    took = f"not seen within {expect.within:g} s"
                    return Outcome(False, f"failed: {seen(expect, resource)} ({took})")
                await self._venue.changed(0.1)
        return Outcome(True, f"done: {plan.offer.label}, seen after {self._clock.now() - begun:.1f} s", at)

    async def _before(self, id: int, number: int, who: str, plan: Plan, step: Step) -> None:
        entry = self._entry(who, "step", plan, step.text, {})
        await self._venue.journal.step_begins(id, number, entry)

    async def _after_step(self, id: int, number: int, who: str, plan: Plan, said: str | None) -> None:
        entries = [self._entry(who, "seen", plan, said, {})] if said else []
        await self._venue.journal.step_ends(id, number, self._clock.wall(self._clock.now()), *entries)

    def _entry(self, who: str, what: str, plan: Plan, text: str, data: dict[str, object]) -> Entry:
        return Entry(self._clock.wall(self._clock.now()), who, what, str(plan.offer.target), text, data)

    # --- what was left unfinished ---------------------------------------------------------------------------

    async def watch(self) -> None:
        """Looks after what other consoles leave unfinished, until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(LOOK)

    async def look(self) -> None:
        """Reads which runs have an unknown outcome. One whose process is not there any more gets it now."""
        rows = await self._venue.journal.unfinished()
        for row in rows:
            if not row.outcome and not self._goes_on(row):
                with contextlib.suppress(OSError):  # said in the header by journal.trouble
                    await self._cut_off(row)
        gone_on = {row.id for row in rows if not row.outcome and self._goes_on(row)}
        unknown = tuple(msgspec.structs.replace(row, outcome="unknown") for row in rows if row.id not in gone_on)
        if unknown != self.unknown:
            self.unknown = unknown
            self._venue.judge_again()

    async def settle(self, id: int, who: str) -> None:
        """Marks a run as handled by an operator. Raises OSError."""
        row = next((row for row in self.unknown if row.id == id), None)
        if row:
            text = f"{row.label}, by {row.who} at {moment(row.at)}: marked as handled"
            now = self._clock.wall(self._clock.now())
            await self._venue.journal.settle(id, Entry(now, who, "settled", row.target, text))
            await self.look()

    def about(self, target: Id) -> list[RunRow]:
        """The interrupted runs with this target, newest first."""
        return sorted((row for row in self.unknown if row.target == str(target)), key=lambda row: -row.id)

    def offer(self, target: Id) -> Offer | None:
        """To resume the newest interrupted run with this target."""
        return next(filter(None, map(resume.offer, self.about(target)[:1])), None)

    def findings(self) -> list[Finding]:
        return [finding(row) for row in self.unknown]

    def _goes_on(self, row: RunRow) -> bool:
        return row.id in self._ours if row.owner == owner() else lives(row.owner)

    async def _cut_off(self, row: RunRow) -> None:
        text = "foh was killed before this finished; its result is unknown"
        entry = Entry(self._clock.wall(self._clock.now()), "foh", "unknown", row.target, f"{row.label}: {text}")
        await self._venue.journal.end(row.id, "unknown", text, entry)


def _after(operator: Operator, plan: Plan) -> dict[str, object]:
    names = ((e, f"{e.target} {e.via and e.via + ' '}{e.field}") for e in plan.expect)
    return {name: clean(getattr(operator.target(e), e.field, "gone")) for e, name in names}


# --- what is told of it -----------------------------------------------------------------------------------


def moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC).astimezone():%a %d %b %H:%M:%S}"


def told(row: RunRow) -> str:
    """Of a run that is going on."""
    return f"{row.who} started '{row.label}' here at {moment(row.at)}: wait until it finishes"


def finding(row: RunRow) -> Finding:
    """Of a run with an unknown outcome."""
    return Finding(
        "RUN-UNFINISHED",
        Severity.WARN,
        Id.parse(row.target),
        f"'{row.label}' was interrupted: its result is unknown ({row.who}, {moment(row.at)})",
        (Evidence("run", f"the journal's run {row.id}", row.at, row.text),),
        "whether it took effect, in whole or in part",
        (
            Remedy("resume it: what is left of it is shown first", resume.RESUME, Id.parse(row.target)),
            Remedy("or check whether it took effect; then press a: run it again, or mark it as handled"),
        ),
    )
