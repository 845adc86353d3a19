"""Runs the backends' rules: only those that a change touches, and those that asked to look again."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeAlias

from msgspec import structs

from backends.contract import Finding, Gone, Id, Resource, Rule, Severity, Verdict, clean
from console.venue.index import Belonging
from console.venue.resolver import Resolver
from console.venue.state import VenueState

Case: TypeAlias = tuple[str, Id]  # one rule on one resource
SOONEST = 0.1  # seconds: never in a tight loop, whatever a rule asks for


class TrackingView:
    """The view a rule gets. It notes what the rule read, so that the rule runs again when that changes: resources, the
    keys that it followed, and the far ends (a relation and a key) that it looked back from."""

    def __init__(self, state: VenueState, resolver: Resolver, now: float) -> None:
        self.now = now
        self.read: set[Hashable] = set()
        self._state, self._resolver = state, resolver

    def follow(self, resource: Resource | Gone, relation: str) -> Resource | Gone | None:
        last = resource.last if isinstance(resource, Gone) else resource
        self.read.update(link.to for link in (last.links if last else ()) if link.relation == relation)
        id = self._resolver.follow(resource, relation)
        if id is None:
            return None
        self.read.add(id)
        return self._state.get(id)

    def back(self, resource: Resource | Gone, relation: str) -> Sequence[Resource]:
        self.read.update((relation, key) for key in self._resolver.keys_of(resource.id))
        found: list[Resource] = []
        for id in self._resolver.back(resource.id, relation):
            self.read.add(id)
            entry = self._state.get(id)
            last = entry.last if isinstance(entry, Gone) else entry
            if last is not None:
                found.append(last)
        return found

    def ago(self, id: Id, seconds: float) -> Resource | None:
        self.read.add(id)
        return self._state.ago(id, seconds, self.now)

    def since(self, resource: Resource, *fields: str) -> tuple[float, Resource | None]:
        self.read.add(resource.id)
        return self._state.since(resource.id, fields)


class Rechecks:
    """When each case asked to be judged again, the earliest first."""

    def __init__(self) -> None:
        self._due: dict[Case, float] = {}
        self._heap: list[tuple[float, Case]] = []  # entries that `_due` does not confirm are out of date

    def __contains__(self, case: object) -> bool:
        return case in self._due

    def ask(self, case: Case, at: float | None) -> None:
        if at is None:
            self._due.pop(case, None)
        elif self._due.get(case) != at:
            self._due[case] = at
            heapq.heappush(self._heap, (at, case))
            if len(self._heap) > 2 * len(self._due) + 64:
                self._heap = [(due, each) for each, due in self._due.items()]
                heapq.heapify(self._heap)

    def next(self) -> float | None:
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now: float) -> set[Case]:
        """Those that are due; they stay due until they are set again."""
        due: set[Case] = set()
        while (at := self.next()) is not None and at <= now:
            due.add(self._heap[0][1])
            heapq.heappop(self._heap)
        return due


class Evaluator:
    """Holds what every rule last found about every resource."""

    def __init__(self, state: VenueState, resolver: Resolver) -> None:
        self._state, self._resolver = state, resolver
        self._rules: dict[str, Rule] = {}
        self._of_kind: defaultdict[str, list[str]] = defaultdict(list)
        self._found: dict[Case, tuple[Finding, ...]] = {}
        self._read: dict[Id, frozenset[Hashable]] = {}  # what the rules on a resource read of others
        self._readers: Belonging[Hashable] = Belonging()
        self._rechecks = Rechecks()
        self._undecided: set[Case] = set()

    def add_rules(self, backend: str, rules: Iterable[Rule]) -> None:
        """Several backends may bring the same rule for a kind that they share: it is run once."""
        for rule in rules:
            if rule not in self._rules.values():
                name = f"{backend}.{rule.name}"
                self._rules[name] = rule
                self._of_kind[rule.kind].append(name)

    def findings(self) -> list[Finding]:
        return [finding for found in self._found.values() for finding in found]

    @property
    def deciding(self) -> bool:
        """Whether a rule has not seen enough yet, and has asked to be run again."""
        return any(case in self._rechecks for case in self._undecided)

    def is_sure(self, id: Id) -> bool:
        """Whether no rule on a resource waits to see more."""
        cases = [(name, id) for name in self._of_kind[id.kind]]
        return not any(case in self._undecided or case in self._rechecks for case in cases)

    def next_recheck(self) -> float | None:
        return self._rechecks.next()

    def touch(self, changed: set[Id], now: float) -> bool:
        """Judges what the change touches and what is due. True if any finding differs from before."""
        subjects = set(changed)
        for thing in (*changed, *self._resolver.update(changed)):
            subjects.update(self._readers.of(thing))
        due = self._rechecks.take(now)
        differs = False
        for name, id in sorted(due):
            if id not in subjects:
                more: set[Hashable] = set()
                differs |= self._judge((name, id), now, more)
                self._depend(id, self._read.get(id, frozenset()) | more)
        for id in sorted(subjects):
            read: set[Hashable] = set()
            for name in self._of_kind[id.kind]:
                differs |= self._judge((name, id), now, read)
            self._depend(id, frozenset(read))
        return differs

    def _judge(self, case: Case, now: float, read: set[Hashable]) -> bool:
        name, id = case
        subject = self._state.get(id)
        view = TrackingView(self._state, self._resolver, now)
        verdict = Verdict() if subject is None else self._ask(name, subject, view)
        read |= view.read
        again = verdict.recheck_at
        self._rechecks.ask(case, None if again is None else max(again, now + SOONEST))
        before = self._found.get(case, ())
        if verdict.undecided:
            self._undecided.add(case)
            return False
        self._undecided.discard(case)
        if verdict.findings:
            self._found[case] = verdict.findings
        else:
            self._found.pop(case, None)
        return [_timeless(f) for f in verdict.findings] != [_timeless(f) for f in before]

    def _ask(self, name: str, subject: Resource | Gone, view: TrackingView) -> Verdict:
        try:
            return self._rules[name].judge(subject, view)
        except Exception as error:  # noqa: BLE001  (a stranger's broken rule is a finding, not a crash)
            cause = f"rule {name} fails: {clean(error, 100)}"
            return Verdict((Finding("RULE-BROKEN", Severity.WARN, subject.id, cause),))

    def _depend(self, id: Id, read: frozenset[Hashable]) -> None:
        """The rules on a resource run again when anything changes that one of them read."""
        read -= {id}
        before = self._read.get(id, frozenset())
        if read == before:
            return
        for thing in before - read:
            self._readers.discard(thing, id)
        for thing in read - before:
            self._readers.add(thing, id)
        if read:
            self._read[id] = read
        else:
            self._read.pop(id, None)


def _timeless(finding: Finding) -> Finding:
    """The finding without its evidence's time stamps: equal for two readings that say the same."""
    return structs.replace(finding, evidence=tuple(structs.replace(e, at=0.0) for e in finding.evidence))
