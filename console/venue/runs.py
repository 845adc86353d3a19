"""What is being done: a confirmed plan is carried out here, whatever becomes of the screen that asked for it.

A run and each of its steps are in the journal before and after they are done. A short run belongs to this process; one
that lasts longer is handed to a process of its own, which this one follows in the journal. A run that was interrupted,
because its process ended or was killed in the middle, has an unknown result: each console shows it until it is resumed,
run again or settled.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeAlias

import msgspec
from msgspec import structs

from backends.clock import MACHINE, Clock
from backends.contract import Finding, Id, Offer, Plan, Refused
from backends.expect import basis
from console.venue import resume, words
from console.venue.carry import Progress, carry_out, record
from console.venue.journal import WIRE, Busy, Entry, RunRow
from console.venue.outcome import Outcome
from console.venue.owner import lives, owner
from console.venue.site import Site
from console.venue.unrecorded import Book, Unrecorded

GRACE = 2.0  # seconds in which a run may come to its end when the console ends
WRITTEN = 0.5  # seconds in which what was not finished must be written down then
LOOK, LOOK_SOON = 10.0, 1.0  # seconds between two looks at other processes' runs; while one of them goes on
FOLLOW = 0.2  # seconds between two looks at a run that a screen follows
LONG = 10.0  # seconds: a plan that lasts longer is carried out by a process of its own

Planner: TypeAlias = Callable[[Offer, Mapping[str, str]], Awaitable[Plan]]


class Process(Protocol):
    """A process that was started to carry out a run."""

    def poll(self) -> int | None:
        """Its exit status, once it has ended."""


class Runs:
    """The runs of one venue."""

    def __init__(self, site: Site, changed: Callable[[], object], clock: Clock = MACHINE) -> None:
        """`changed` is called when what is unknown, or goes on elsewhere, is not as it was."""
        self._site, self._changed, self._clock = site, changed, clock
        self._tasks: set[asyncio.Task[Outcome]] = set()
        self._ours: dict[int, RunRow] = {}  # the runs that this process carries out
        self._followed: set[int] = set()  # the runs of other processes that a screen here follows
        self._ending = False
        self._turn = asyncio.Lock()  # one look or beginning after the other
        self.launch: Callable[[int], Process] | None = None  # starts a process for a run; blocking
        self.going: dict[int, tuple[RunRow, dict[int, bool]]] = {}  # long runs that go on, and their steps
        self.unknown: tuple[RunRow, ...] = ()  # whose result is unknown
        self.listeners: list[Callable[[RunRow], object]] = []  # called with a long run that no screen followed

    # --- carrying out ---------------------------------------------------------------------------------------

    def start(
        self, who: str, plan: Plan, again: Planner, progress: Progress, unrecorded: bool = False
    ) -> asyncio.Task[Outcome]:
        """Begins to carry out a confirmed plan, once it has been planned `again`; where the journal cannot be written,
        only if it may be `unrecorded`. An awaiter shields it: the run goes on without its awaiter."""
        loop = asyncio.get_running_loop()

        def tell(text: str) -> object:
            """By the loop: a screen that fails while it watches fails alone."""
            return loop.call_soon(progress, text)

        return self._keep(
            asyncio.create_task(self._run(who, plan, again, tell, unrecorded), name=f"run {plan.offer.action}")
        )

    def adopt(self, row: RunRow, plan: Plan) -> asyncio.Task[Outcome]:
        """Carries out a run that was handed to this process."""
        self._ours[row.id] = row
        return self._keep(asyncio.create_task(self._adopted(row, plan), name=f"run {row.action}"))

    def _keep(self, task: asyncio.Task[Outcome]) -> asyncio.Task[Outcome]:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @property
    def finishing(self) -> list[str]:
        """What this process is doing and would have to finish before it ends, in words."""
        return [f"{row.label} {self._site.name_of(Id.parse(row.target))}" for row in self._ours.values()]

    async def finish(self) -> None:
        """Before the venue ends: what this process does has GRACE to come to its end, and is else written down as
        unknown. Nothing begins any more."""
        self._ending = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=WRITTEN)

    async def busy(self, target: Id) -> str:
        """Who does what with a target now, and since when; "" if no run is going on."""
        row = await self._site.journal.going(str(target))
        return words.refusal(row) if row and self._goes_on(row) else ""

    async def _run(self, who: str, plan: Plan, again: Planner, progress: Progress, unrecorded: bool) -> Outcome:
        """Reads the evidence afresh, writes the plan down and has it carried out. Never raises."""
        try:
            if self._ending:
                raise Refused("foh is ending")
            fresh = await again(plan.offer, plan.args)
            if basis(fresh) != basis(plan):
                raise Refused("state changed since this plan was shown; plan again")
            # What is expected is as it is now: a track that has changed by itself is not the one that was asked for.
            plan = structs.replace(plan, expect=fresh.expect)
            async with self._turn:  # no look may find it in the journal and not here, and take it for cut off
                row, book = await self._begin(who, plan, unrecorded)
                self._ours[row.id] = row
        except Refused as refused:
            return Outcome(False, f"not done: {refused}")
        except OSError as error:
            return Outcome(False, f"not done, because it cannot be recorded: {error}")
        id = row.id
        try:
            if plan.lasts > LONG and self.launch is not None and book is self._site.journal:
                return await self._hand_over(id, plan, self.launch, progress)
            return await carry_out(self._site, book, who, id, plan, progress)
        finally:
            self._ours.pop(id, None)
            self._followed.discard(id)
            await self.look()

    async def _adopted(self, row: RunRow, plan: Plan) -> Outcome:
        try:
            return await carry_out(self._site, self._site.journal, row.who, row.id, plan, lambda text: None)
        finally:
            self._ours.pop(row.id, None)

    async def _begin(self, who: str, plan: Plan, unrecorded: bool) -> tuple[RunRow, Book]:
        """Raises Refused, and OSError where it cannot be written down and may not be `unrecorded`."""
        row = RunRow(
            0, self._clock.wall(self._clock.now()), who, str(plan.offer.target), self._action(plan.offer),
            WIRE.encode(plan).decode(), owner(),
        )  # fmt: skip
        entry = record(self._site, who, "planned", plan, plan.offer.label, {"plan": msgspec.to_builtins(plan)})
        while True:
            try:
                return structs.replace(row, id=await self._site.journal.begin(row, entry)), self._site.journal
            except OSError:
                if not unrecorded:
                    raise
                if here := next((each for each in self._ours.values() if each.target == row.target), None):
                    raise Refused(words.refusal(here)) from None
                self._site.journal.keep(entry)
                return structs.replace(row, id=min([0, *self._ours]) - 1), Unrecorded(self._site.journal)
            except Busy as busy:
                if self._goes_on(busy.row):
                    raise Refused(words.refusal(busy.row)) from busy
                await self._cut_off(busy.row)

    def _action(self, offer: Offer) -> str:
        """What the journal calls it. One that is resumed stays what it was, and so settles the run that it resumes."""
        resumed = next(iter(self.about(offer.target)), None) if offer.action == resume.RESUME else None
        return resumed.action if resumed else offer.action

    # --- in a process of its own ----------------------------------------------------------------------------

    async def _hand_over(self, id: int, plan: Plan, launch: Callable[[int], Process], progress: Progress) -> Outcome:
        """Starts a process for a run and follows it in the journal until it has ended, or this process ends."""
        self._followed.add(id)
        try:
            process = await asyncio.to_thread(launch, id)
            return await self._follow(id, plan, process, progress)
        except asyncio.CancelledError:
            return Outcome(False, "foh ended before the run's own process had begun", word="unknown")
        except OSError as error:
            text = f"failed: no process could be started for it: {error}; nothing was done"
            await self._fail(id, plan, text)
            return Outcome(False, text)

    async def _follow(self, id: int, plan: Plan, process: Process, progress: Progress) -> Outcome:
        """Raises OSError where the process ended before it had begun."""
        shown = ""
        while True:
            ended = process.poll()
            row = await self._site.journal.run(id)
            if row is None:
                return Outcome(False, f"the journal cannot be read: {self._site.journal.trouble}", word="unknown")
            if row.outcome:
                return Outcome(row.outcome == "done", row.text, self._clock.now(), row.outcome)
            if row.owner != owner():
                self._ours.pop(id, None)
                if self._ending:
                    return Outcome(False, "goes on in a process of its own: the next console shows it", word="going")
                if not self._goes_on(row):
                    await self._cut_off(row)
                    continue
            elif ended is not None:
                raise OSError(f"it ended at once, with exit status {ended}")
            text = words.stage(plan, await self._site.journal.steps(id))
            if text != shown:
                progress(shown := text)
            await self._clock.sleep(FOLLOW)

    async def _fail(self, id: int, plan: Plan, text: str) -> None:
        with contextlib.suppress(OSError):  # said in the header by journal.trouble
            await self._site.journal.end(id, owner(), "failed", text, record(self._site, "foh", "failed", plan, text))

    # --- what goes on, and what was left unfinished ----------------------------------------------------------

    async def watch(self) -> None:
        """Looks after the runs of other processes, until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(LOOK_SOON if self.going else LOOK)

    async def look(self) -> None:
        """Reads which runs go on in other processes and which have an unknown outcome. One whose process is not there
        any more gets it now."""
        async with self._turn:
            rows = await self._site.journal.unfinished()
            gone_on = [row for row in rows if not row.outcome and self._goes_on(row)]
            for row in rows:
                if not row.outcome and row not in gone_on:
                    with contextlib.suppress(OSError):  # said in the header by journal.trouble
                        await self._cut_off(row)
            unknown = tuple(structs.replace(row, outcome="unknown") for row in rows if row not in gone_on)
            others = [
                row for row in gone_on if row.id not in self._ours and (plan := row.planned) and plan.lasts > LONG
            ]
            going = {row.id: (row, await self._site.journal.steps(row.id)) for row in others}
            ended = self.going.keys() - going.keys() - {row.id for row in unknown} - self._followed
            if (unknown, going) != (self.unknown, self.going):
                self.unknown, self.going = unknown, going
                self._changed()
            for id in ended:
                if run := await self._site.journal.run(id):
                    for listener in self.listeners:
                        listener(run)

    async def cancellable(self, target: Id) -> tuple[RunRow, str] | None:
        """The run that goes on with a target, and why it cannot be cancelled now ("" if it can)."""
        row = await self._site.journal.going(str(target))
        if row is None or not self._goes_on(row):
            return None
        return row, words.no_cancel(row.planned, await self._site.journal.steps(row.id))

    def underway(self, target: Id) -> tuple[RunRow, str] | None:
        """The same of what this process does and of what it knows of others, at once."""
        known = [*((row, {}) for row in self._ours.values()), *self.going.values()]
        of_target = ((row, words.no_cancel(row.planned, begun)) for row, begun in known)
        return next((each for each in of_target if each[0].target == str(target)), None)

    async def cancel(self, target: Id, who: str) -> str:
        """Asks the run that goes on with a target to end before its next step; what comes of it. Raises Refused, and
        OSError where that cannot be written down."""
        found = await self.cancellable(target)
        if found is None:
            raise Refused("nothing goes on with it any more")
        row, no = found
        plan = row.planned
        if plan is None or no:
            raise Refused(f"'{row.label}': {no}")
        entry = record(self._site, who, "cancel", plan, f"{row.label}, by {row.who}: cancel it")
        if not await self._site.journal.cancel(row.id, len(plan.steps), entry):
            raise Refused(f"'{row.label}': its last step has begun: wait until it finishes")
        return f"'{row.label}' ends after the step that it is in"

    async def settle(self, id: int, who: str) -> None:
        """Marks a run as handled by an operator. Raises OSError."""
        row = next((row for row in self.unknown if row.id == id), None)
        if row:
            text = f"{row.label}, by {row.who} at {words.moment(row.at)}: marked as handled"
            now = self._clock.wall(self._clock.now())
            await self._site.journal.settle(id, Entry(now, who, "settled", row.target, text))
            await self.look()

    def about(self, target: Id) -> list[RunRow]:
        """The interrupted runs with this target, newest first."""
        return sorted((row for row in self.unknown if row.target == str(target)), key=lambda row: -row.id)

    def offer(self, target: Id) -> Offer | None:
        """To resume the newest interrupted run with this target."""
        return next(filter(None, map(resume.offer, self.about(target)[:1])), None)

    def findings(self) -> list[Finding]:
        return [*map(words.interrupted, self.unknown), *(words.going(*each) for each in self.going.values())]

    def _goes_on(self, row: RunRow) -> bool:
        return row.id in self._ours if row.owner == owner() else lives(row.owner)

    async def _cut_off(self, row: RunRow) -> None:
        text = "its process was killed before this finished; its result is unknown"
        entry = Entry(self._clock.wall(self._clock.now()), "foh", "unknown", row.target, f"{row.label}: {text}")
        await self._site.journal.end(row.id, row.owner, "unknown", text, entry)
