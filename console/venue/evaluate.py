"""Runs the backends' rules: only those that a change touches, and those that asked to look again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeAlias

from msgspec import structs

from backends.contract import Finding, Gone, Id, Resource, Rule, Severity, Verdict, clean
from console.venue.resolver import Resolver
from console.venue.state import VenueState

Case: TypeAlias = tuple[str, Id]  # one rule on one resource


class TrackingView:
    """The view a rule gets. It notes what the rule read, so that the rule runs again when that changes."""

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
        self.read.add(relation)
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


class Evaluator:
    """Holds what every rule last found about every resource."""

    def __init__(self, state: VenueState, resolver: Resolver) -> None:
        self._state, self._resolver = state, resolver
        self._rules: dict[str, Rule] = {}
        self._found: dict[Case, tuple[Finding, ...]] = {}
        self._read: dict[Case, set[Hashable]] = {}
        self._readers: defaultdict[Hashable, set[Case]] = defaultdict(set)
        self._recheck: dict[Case, float] = {}
        self._undecided: set[Case] = set()

    def add_rules(self, backend: str, rules: Iterable[Rule]) -> None:
        """Several backends may bring the same rule for a kind that they share: it is run once."""
        for rule in rules:
            if rule not in self._rules.values():
                self._rules[f"{backend}.{rule.name}"] = rule

    def findings(self) -> list[Finding]:
        return [finding for found in self._found.values() for finding in found]

    @property
    def deciding(self) -> bool:
        """Whether a rule has not seen enough yet, and has asked to be run again."""
        return not self._undecided.isdisjoint(self._recheck)

    def next_recheck(self) -> float | None:
        return min(self._recheck.values(), default=None)

    def touch(self, changed: set[Id], now: float) -> bool:
        """Judges what the change touches and what is due. True if any finding differs from before."""
        keys, relations = self._resolver.update(changed)
        due = {case for case, at in self._recheck.items() if at <= now}
        for thing in (*changed, *keys, *relations):
            due |= self._readers.get(thing, set())
        for name, rule in self._rules.items():
            due |= {(name, id) for id in changed if id.kind == rule.kind}
        differs = [self._judge(case, now) for case in sorted(due)]
        return any(differs)

    def _judge(self, case: Case, now: float) -> bool:
        name, id = case
        subject = self._state.get(id)
        view = TrackingView(self._state, self._resolver, now)
        verdict = Verdict() if subject is None else self._ask(name, subject, view)
        self._depend(case, view.read)
        if verdict.recheck_at is None:
            self._recheck.pop(case, None)
        else:  # never in a tight loop, whatever a rule asks for
            self._recheck[case] = max(verdict.recheck_at, now + 0.1)
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

    def _depend(self, case: Case, read: set[Hashable]) -> None:
        for thing in self._read.get(case, set()) - read:
            self._readers[thing].discard(case)
        for thing in read:
            self._readers[thing].add(case)
        self._read[case] = read


def _timeless(finding: Finding) -> Finding:
    """The finding without its evidence's time stamps: equal for two readings that say the same."""
    return structs.replace(finding, evidence=tuple(structs.replace(e, at=0.0) for e in finding.evidence))
