"""The venue itself: applies observations, keeps the incidents, and tells its listeners what has changed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec
from msgspec import Struct, structs

from backends.clock import MACHINE, Clock
from backends.contract import Id, Observation, Question, Reason, Resource, State
from backends.kinds import SOURCE, SourceHealth
from backends.rules import SOURCE_RULES
from console.venue.evaluate import Evaluator, TrackingView
from console.venue.feed import Feed
from console.venue.incidents import Change, Incident, Incidents, Key, correlate, key_text, missing
from console.venue.journal import Entry, Journal, OpenIncident
from console.venue.runs import Runs
from console.venue.site import Site
from console.venue.state import VenueState

TOGETHER = 0.02  # seconds: observations that arrive so close are judged and painted together
PRUNING, DAY = 0.1, 86_400.0  # seconds between two batches that are pruned; between two prunings
RETRY = 5.0  # seconds between two attempts to write what could not be written
LOADING = 3.0  # seconds that judging waits for what the journal remembers
SETTLED = 3.0  # seconds after which a source that has said nothing is not waited for any more


class Update(Struct, frozen=True):
    """What has changed since the last one."""

    ids: frozenset[Id]
    incidents: bool


class Venue(Site):
    """One venue, fed by one feed."""

    def __init__(
        self, state: VenueState, journal: Journal, expected: Collection[Id] = (), clock: Clock = MACHINE
    ) -> None:
        super().__init__(state, journal, clock)
        self.expected = frozenset(expected)
        self.unseen = set(self.expected)  # what the inventory lists and no source has ever seen
        self.evaluator = Evaluator(state, self.resolver)
        self.incidents = Incidents(self.name_of)
        self.runs = Runs(self, self.judge_again, clock)
        self.questions: tuple[Question, ...] = ()
        self.listeners: list[Callable[[Update], None]] = []
        self.started = 0.0
        self.awaited = -1  # the number of sources to wait for; -1: unknown
        self._entries: asyncio.Queue[Entry] = asyncio.Queue()
        self._wake, self._loaded = asyncio.Event(), asyncio.Event()
        self._settled = False  # whether the sources have had their time
        self._looking_at = 0.0  # when the rules are run next without anything having changed
        self._backends_of: dict[str, set[str]] = {}

    def answers(self, id: Id, now: float) -> list[tuple[str, Sequence[Reason]]]:
        """What is asked of this kind of resource, and what can be said to it now."""
        resource = self.state.current.get(id)
        asked = [question for question in self.questions if question.kind == id.kind] if resource else []
        view = TrackingView(self.state, self.resolver, now)
        return [(question.words, question.answer(resource, view)) for question in asked]

    @property
    def complete(self) -> bool:
        """Whether every source has reported something, good or bad."""
        return 0 <= self.awaited <= len(self.state.health)

    def absent(self, kind: str) -> int:
        """How many of a kind are missing: gone, or never seen."""
        return self.state.gone_of[kind] + sum(id.kind == kind for id in self.unseen)

    async def run(self, feed: Feed, read_only: bool = False) -> None:
        """Listens until cancelled. Ends the feed and closes the journal on its way out."""
        self.started = self.clock.now()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._open_journal())
                backends, awaited = await feed.start()
                self.control = None if read_only else feed.control
                self.state.add_kinds([SOURCE, *(kind for backend in backends for kind in backend.kinds)])
                self.evaluator.add_rules("source", SOURCE_RULES)
                for backend in backends:
                    self.evaluator.add_rules(backend.name, backend.rules)
                    self.questions += backend.questions
                    for kind in backend.kinds:
                        self._backends_of.setdefault(kind.kind, set()).add(backend.name)
                self.awaited = awaited
                self._tell(Update(frozenset(), False))
                tasks.create_task(self._listen(feed))
                tasks.create_task(self._look_again())
        finally:
            await asyncio.shield(self._close(feed))

    def take(self, observations: list[Observation]) -> None:
        """Applies observations, judges what they touch and tells the listeners."""
        changed: set[Id] = set()
        for observation in observations:
            self.awaited -= observation.left and self.awaited > 0
            changed |= self.state.apply(observation)
        self.unseen -= changed
        self._judge(changed)

    def acknowledge(self, key: Key, who: str) -> None:
        incident = self.incidents.acknowledge(key, who)
        self._accept("acked" if incident.acked_by else "unacked", incident, who)
        self._tell(Update(frozenset(), True))

    def silence(self, key: Key, who: str, seconds: float) -> None:
        until = self.clock.now() + seconds
        incident = self.incidents.silence(key, until)
        self._accept("silenced", incident, who, {"until": self.clock.wall(until)})
        self._tell(Update(frozenset(), True))

    def _accept(self, what: str, incident: Incident, who: str, data: Mapping[str, float] = {}) -> None:
        self._log(
            Entry(self.wall(), who, what, key_text(incident.key), incident.what, dict(data), self._memory(incident))
        )

    def _memory(self, incident: Incident) -> OpenIncident:
        wall, until = self.clock.wall, incident.silenced_until
        return OpenIncident(wall(incident.opened), incident.severity, incident.acked_by, wall(until) if until else 0.0)

    def lost(self, ids: Collection[Id]) -> list[Id]:
        """What of these is gone, and what has gone along with it."""
        along = {f.about for i in self.incidents.open.values() if i.root in ids for f in i.findings}
        return sorted(id for id in along.union(ids) if id in self.state.gone)

    def forget(self, ids: Collection[Id], who: str) -> None:
        """What of these is gone is not missed any more, until it is seen again."""
        lost = {id for id in ids if id in self.state.gone}
        for id in lost:
            self._log(Entry(self.wall(), who, "forgotten", str(id), f"{self.name_of(id)} is not missed any more"))
            self.state.forget(id)
        self._judge(lost)

    def incidents_about(self, id: Id) -> list[Incident]:
        return self.incidents.about(id)

    def judge_again(self) -> None:
        """What the findings rest on has changed, though nothing was observed."""
        if self._correlate(self.clock.now()):
            self._tell(Update(frozenset(), True))

    def _judge(self, changed: set[Id]) -> None:
        now = self.clock.now()
        changed = changed | self._miss(now) | self.state.expire(now, self._is_needed)
        differs = self.evaluator.touch(changed, now) or not changed.isdisjoint(self.expected)
        differs = differs and self._correlate(now)
        if changed or differs:
            self._tell(Update(frozenset(changed), differs))
        self._let_go(now)
        self.tell_changed()
        due = self._next_look()
        if due is not None and due < self._looking_at:
            self._wake.set()

    def _correlate(self, now: float) -> bool:
        findings = self.evaluator.findings()
        blamed = {finding.root for finding in findings} | {finding.about for finding in findings}
        lost = [id for id in self.state.gone if id in self.expected]
        findings += missing(lost, blamed)
        findings += self.runs.findings()
        before = self.incidents.version
        for change in self.incidents.update(correlate(findings), now):
            self._log(self._entry(change))
        return self.incidents.version != before

    def _entry(self, change: Change) -> Entry:
        incident = change.incident
        data = {
            "severity": incident.severity.value,
            "where": incident.where,
            "findings": msgspec.to_builtins(incident.findings),
        }
        memory = self._memory(incident) if change.what == "opened" or change.worse else None
        return Entry(self.wall(), "foh", change.what, key_text(incident.key), incident.what, data, memory)

    def _let_go(self, now: float) -> None:
        """What was open when foh last ran and is not open now has cleared, where its root is there to be judged."""
        if self._loaded.is_set() and (self.complete or self._settled):
            for key in self.incidents.let_go(self._is_judged):
                self._log(Entry(self.wall(), "foh", "cleared", key, "it was over when foh looked again"))

    def _is_judged(self, id: Id) -> bool:
        """Whether it is there, its source is well, and its rules have seen enough."""
        health = self.state.health.get(self.state.source_of(id) or id)
        is_well = id.kind == SOURCE.kind or (health is not None and health.state is State.OK)
        return id in self.state.current and is_well and self.evaluator.is_sure(id)

    def _is_needed(self, id: Id) -> bool:
        """Whether something gone is still missed: by the inventory, by an incident, or by what links to it."""
        return id in self.expected or bool(self.incidents.about(id)) or self.resolver.is_linked(id)

    def _miss(self, now: float) -> set[Id]:
        """Marks as gone what the inventory lists and was never seen, where the sources that would see it are well.
        Before every source has had its time, nothing is claimed."""
        if not self.unseen or (not self.complete and now - self.started < SETTLED):
            return set()
        can_tell = {kind: self._can_tell(kind) for kind in {id.kind for id in self.unseen}}
        never = {id for id in self.unseen if can_tell[id.kind]}
        for id in never:
            self.state.miss(id, self.started)
        self.unseen -= never
        return never

    def _can_tell(self, kind: str) -> bool:
        """Whether every source that could see a resource of this kind is well."""
        backends = self._backends_of.get(kind, set())
        told = ((self.state.current.get(source), health) for source, health in self.state.health.items())
        return all(health.state is State.OK for source, health in told if _backend(source) in backends)

    async def _listen(self, feed: Feed) -> None:
        """Takes in what the feed has, and leaves it a moment to have more: what comes together is judged together."""
        with contextlib.suppress(TimeoutError):  # a journal that cannot be read holds nothing up
            async with asyncio.timeout(LOADING):
                await self._loaded.wait()
        async for batch in feed.batches():
            self.take(batch)
            await self.clock.sleep(TOGETHER)

    def _next_look(self) -> float | None:
        """When the next work is due that no observation triggers."""
        settled = None if self._settled else self.started + SETTLED
        due = (self.evaluator.next_recheck(), self.state.next_expiry, settled)
        return min((at for at in due if at is not None), default=None)

    async def _look_again(self) -> None:
        """Runs the rules that asked for it when they asked for it, and once when the sources have had their time."""
        while True:
            self._wake.clear()
            due = self._next_look()
            self._looking_at = float("inf") if due is None else due
            wait = None if due is None else max(0.02, due - self.clock.now())
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                self._settled = self._settled or self.clock.now() >= self.started + SETTLED
                self._judge(set())

    async def _open_journal(self) -> None:
        await self.journal.open()
        ahead = self.wall() - self.clock.now()
        for key, before in (await self.journal.open_incidents()).items():
            until = before.silenced_until - ahead if before.silenced_until else 0.0
            self.incidents.remembered[key] = structs.replace(before, opened=before.opened - ahead, silenced_until=until)
        await self.runs.look()
        self._loaded.set()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.runs.watch())
            tasks.create_task(self._keep_journal())
            tasks.create_task(self._prune_journal())

    async def _keep_journal(self) -> None:
        while True:
            entries: list[Entry] = []
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RETRY):
                    entries = [await self._entries.get()]
            if not entries and not self.journal.waits:
                continue
            while not self._entries.empty():
                entries.append(self._entries.get_nowait())
            with contextlib.suppress(OSError):  # said in the header by journal.trouble
                await self.journal.write(*entries)

    async def _prune_journal(self) -> None:
        """Once at the start, also of a command that ends soon, and then once a day."""
        while True:
            while await self.journal.prune(self.wall()):
                await self.clock.sleep(PRUNING)
            await self.clock.sleep(DAY)

    async def record(self) -> None:
        """Writes down what is still to be written, or finds out that it cannot be (`journal.trouble`)."""
        entries = [self._entries.get_nowait() for _ in range(self._entries.qsize())]
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(0.5):
                await self.journal.write(*entries)

    async def _close(self, feed: Feed) -> None:
        await feed.stop()
        await self.record()
        await self.journal.close()

    def _log(self, entry: Entry) -> None:
        self._entries.put_nowait(entry)

    def _tell(self, update: Update) -> None:
        for listener in self.listeners:
            listener(update)


def _backend(source: Resource | None) -> str:
    return source.backend if isinstance(source, SourceHealth) and isinstance(source.backend, str) else ""
