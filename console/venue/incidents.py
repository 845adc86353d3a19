"""Findings joined under their root cause, with a life: open, acknowledged, silenced, cleared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeAlias

from msgspec import Struct, structs

from backends.contract import Finding, Id, Remedy, Severity
from console.venue.journal import OpenIncident

Key: TypeAlias = tuple[Id, str]  # the root and the code of the finding that founds the incident


class Incident(Struct, frozen=True):
    """One root cause and its effects. `findings` starts with the root cause."""

    key: Key
    severity: Severity
    where: str
    findings: tuple[Finding, ...]
    opened: float
    acked_by: str = ""
    silenced_until: float = 0.0
    cleared: float = 0.0

    @property
    def root(self) -> Id:
        return self.key[0]

    @property
    def code(self) -> str:
        return self.key[1]

    @property
    def what(self) -> str:
        return self.findings[0].cause

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        every = [remedy for finding in self.findings for remedy in finding.remedies]
        return tuple(remedy for number, remedy in enumerate(every) if remedy not in every[:number])

    def is_silenced(self, now: float) -> bool:
        return now < self.silenced_until


def command(remedy: Remedy) -> tuple[str, ...]:
    """What would take a remedy's action from a shell; empty where it has none."""
    if not (remedy.action and remedy.target):
        return ()
    args = (f"{name}={value}" for name, value in remedy.args.items())
    return ("foh", "act", f"{remedy.target.kind}/{remedy.target.local}", remedy.action, *args)


def correlate(findings: Iterable[Finding]) -> dict[Key, tuple[Finding, ...]]:
    """Groups findings by root cause. Blame is followed to its end; a finding that blames something about which
    nothing else was found founds an incident of its own there."""
    every = sorted(findings, key=lambda f: (-f.severity.rank, f.code, f.about))
    blamed = {f.about: f.blames for f in reversed(every) if f.blames and f.blames != f.about}

    def root_of(id: Id) -> Id:
        seen = {id}
        while (there := blamed.get(id)) and there not in seen:
            seen.add(there)
            id = there
        return id

    by_root: defaultdict[Id, list[Finding]] = defaultdict(list)
    for finding in every:
        by_root[root_of(finding.root)].append(finding)
    groups: dict[Key, tuple[Finding, ...]] = {}
    for root, members in by_root.items():
        founders = [f for f in members if f.about == root] or members[:1]
        followers = [f for f in members if f not in founders]
        for founder in founders:
            key = (root, founder.code)
            groups[key] = (*groups.get(key, ()), founder)
        first = (root, founders[0].code)
        groups[first] = (*groups[first], *followers)
    return groups


def missing(lost: Iterable[Id], blamed: Collection[Id]) -> list[Finding]:
    """What the inventory lists, a healthy source does not see, and no rule explains."""
    return [
        Finding(
            "EXPECTED-MISSING", Severity.WARN, id, f"{id.kind} {id.local} is in the inventory but was not found",
            not_known="whether it is unplugged, off, or renamed",
            remedies=(Remedy("bring it back, or accept the venue as it is with `foh init`"),),
        )
        for id in lost
        if id not in blamed
    ]  # fmt: skip


class Change(Struct, frozen=True):
    """One step in an incident's life, for the journal."""

    what: str  # opened, changed, cleared
    incident: Incident
    worse: bool = False  # than what was opened, or accepted: it is accepted no more


class Incidents:
    """The open incidents, and those cleared lately."""

    def __init__(self, name_of: Callable[[Id], str], remembered: Mapping[str, OpenIncident] = {}) -> None:
        self.open: dict[Key, Incident] = {}
        self.cleared: list[Incident] = []
        self.version = 0  # counts what has changed about them, be it only their evidence
        self.marks: dict[Id, Severity] = {}  # the worst open severity about each resource
        self._about: dict[Id, list[Key]] = {}
        self._name_of = name_of
        self.remembered = dict(remembered)  # those that were open when foh last ran, by `key_text`, in our clock's time

    def about(self, id: Id) -> list[Incident]:
        """The open incidents in which a resource plays a part."""
        return [self.open[key] for key in self._about.get(id, ())]

    def find(self, key: Key) -> Incident | None:
        """The open one, else the latest that was cleared."""
        return self.open.get(key) or next((ended for ended in self.cleared if ended.key == key), None)

    def update(self, groups: Mapping[Key, tuple[Finding, ...]], now: float) -> list[Change]:
        """Takes in what has been found. Returns the steps for the journal."""
        changes: list[Change] = []
        before = self.version
        for key in [key for key in self.open if key not in groups]:
            ended = structs.replace(self.open.pop(key), cleared=now)
            self.cleared = [ended, *self.cleared[:49]]
            changes.append(Change("cleared", ended))
            self.version += 1
        for key, findings in groups.items():
            known = self.open.get(key)
            accepted = known or self.remembered.pop(key_text(key), None)
            where = self._where(key, findings)
            if known and known.findings == findings and known.where == where:
                continue
            incident = _with(accepted, key, findings, where, now)
            self.open[key] = incident
            self.version += 1
            worse = accepted is not None and incident.severity.rank > accepted.severity.rank
            if accepted is None:
                changes.append(Change("opened", incident))
            elif worse or (
                known and (known.severity, known.what, known.where) != (incident.severity, incident.what, where)
            ):
                changes.append(Change("changed", incident, worse))
        if self.version != before:
            self._index()
        return changes

    def let_go(self, is_over: Callable[[Id], bool]) -> list[str]:
        """Drops what is remembered and not open any more, by its root; their keys as text."""
        over = [text for text in self.remembered if (root := _root(text)) is None or is_over(root)]
        for text in over:
            del self.remembered[text]
        return over

    def _index(self) -> None:
        self.marks, self._about = {}, {}
        for key, incident in self.open.items():
            for id in dict.fromkeys([incident.root, *(finding.about for finding in incident.findings)]):
                self._about.setdefault(id, []).append(key)
            for finding in incident.findings:
                for id in (finding.about, incident.root):
                    if id not in self.marks or self.marks[id].rank < finding.severity.rank:
                        self.marks[id] = finding.severity

    def ordered(self, now: float) -> list[Incident]:
        """Worst first; what is acknowledged or silenced last; then the oldest."""
        return sorted(
            self.open.values(),
            key=lambda i: (i.is_silenced(now), bool(i.acked_by), -i.severity.rank, i.opened, i.key),
        )

    def acknowledge(self, key: Key, who: str) -> Incident:
        self.open[key] = structs.replace(self.open[key], acked_by="" if self.open[key].acked_by else who)
        return self.open[key]

    def silence(self, key: Key, until: float) -> Incident:
        self.open[key] = structs.replace(self.open[key], silenced_until=until)
        return self.open[key]

    def _where(self, key: Key, findings: tuple[Finding, ...]) -> str:
        """Where people notice: the worst consequence elsewhere, else the root itself."""
        elsewhere = [finding.about for finding in findings if finding.about != key[0]]
        return self._name_of(elsewhere[0] if elsewhere else key[0])


def key_text(key: Key) -> str:
    """An incident's key as the journal writes it."""
    return f"{key[0]} {key[1]}"


def _root(text: str) -> Id | None:
    """The root in a `key_text`."""
    try:
        return Id.parse(text.rpartition(" ")[0])
    except ValueError:
        return None


def _with(
    before: Incident | OpenIncident | None, key: Key, findings: tuple[Finding, ...], where: str, now: float
) -> Incident:
    """The incident with what was found now. What has become worse is not accepted any more."""
    severity = max((finding.severity for finding in findings), key=lambda s: s.rank)
    if before is None:
        return Incident(key, severity, where, findings, now)
    if severity.rank > before.severity.rank:
        return Incident(key, severity, where, findings, before.opened)
    return Incident(key, severity, where, findings, before.opened, before.acked_by, before.silenced_until)
