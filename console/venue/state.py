"""The current resources of all sources, with a short past. Nothing unknown looks fine here."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from msgspec import Struct, structs

from backends.contract import (
    Gone,
    Health,
    Id,
    KindSpec,
    Link,
    Observation,
    Remedy,
    Resource,
    State,
    Unknown,
    Why,
    clean,
)
from backends.kinds import SourceHealth
from console.venue.index import Ordered
from console.venue.readings import says_the_same, with_known_fields, without_values

PAST = 60.0  # seconds for which earlier readings are kept, and resources that are gone and not needed
NO_CHILDREN = Unknown(Why.NOT_APPLICABLE, "it has no child processes")
VENUE = Id("", "source", "venue")  # whose the sources' own healths are


class Then(Struct, frozen=True):
    """A resource as it was from `since` until the next entry."""

    since: float
    resource: Resource


class Owned(Struct):
    """Whose a resource is, since when it has been as it is now, and what it was before (oldest first)."""

    source: Id
    since: float
    earlier: list[Then] | None = None


class VenueState:
    """Applies observations; keeps the present resources, those that are gone, and a short past."""

    def __init__(
        self, host: str, names: Mapping[str, str] = {}, joins: Mapping[str, tuple[Link, ...]] = {},
        configured_at: Callable[[str], str] = lambda address: "",
    ) -> None:  # fmt: skip
        self.host = host
        self.kinds: dict[str, KindSpec] = {}  # each by its own name
        self._described: dict[str, KindSpec] = {}  # the same and their variants, by the tag of their classes
        self.current: dict[Id, Resource] = {}
        self.gone: dict[Id, Gone] = {}
        self.gone_of = Counter[str]()  # how many of each kind are gone
        self.health: dict[Id, Health] = {}
        self.seen_at: dict[Id, float] = {}  # when each source last said anything good
        self._owned: dict[Id, Owned] = {}
        self._by_source: defaultdict[Id, set[Id]] = defaultdict(set)
        self._by_kind: defaultdict[str, Ordered] = defaultdict(Ordered)
        self._leaving: deque[tuple[float, Id]] = deque()  # what is gone, and when that was last looked at
        self._address: dict[Id, str] = {}
        self._names, self._joins, self._configured_at = dict(names), dict(joins), configured_at

    def add_kinds(self, kinds: Iterable[KindSpec]) -> None:
        """What resources look like: kinds, and the variants of a kind that backends bring."""
        for kind in kinds:
            self._described.setdefault(kind.tag, kind)
            if kind.tag == kind.kind:
                self.kinds.setdefault(kind.kind, kind)

    def describe(self, resource: Resource) -> KindSpec | None:
        """What a resource looks like: by its class, else by its kind."""
        return self._described.get(str(resource.__struct_config__.tag)) or self.kinds.get(resource.id.kind)

    # --- reading --------------------------------------------------------------------------------------------

    def get(self, id: Id) -> Resource | Gone | None:
        return self.current.get(id) or self.gone.get(id)

    def name_of(self, id: Id) -> str:
        """What people call it: as the venue file says, as it calls itself, else its local name."""
        entry = self.get(id)
        resource = entry.last if isinstance(entry, Gone) else entry
        return resource.name if resource else clean(self._names.get(f"{id.kind}/{id.local}") or id.local, 60)

    def of_kind(self, kind: str) -> list[Resource]:
        """In order of their names."""
        return [self.current[id] for id in self.ids_of(kind)]

    def ids_of(self, kind: str) -> Ordered:
        """What is there of one kind, in order of their names."""
        return self._by_kind[kind]

    def source_of(self, id: Id) -> Id | None:
        owned = self._owned.get(id)
        return owned.source if owned else None

    def owned(self, source: Id) -> Collection[Id]:
        return self._by_source.get(source, set())

    def about(self, source: Id) -> list[Id]:
        """What a source tells of. Before it has told anything: what the venue file names at its address."""
        if owned := self.owned(source):
            return list(owned)
        address = self._address.get(source)
        named = (short.partition("/") for short in self._names)
        return [Id(source.host, kind, local) for kind, _, local in named if address and local == address]

    def history(self, id: Id) -> list[Then]:
        """The resource as it was and as it is, oldest first."""
        owned, entry = self._owned.get(id), self.get(id)
        now = entry.last if isinstance(entry, Gone) else entry
        if owned is None or now is None:
            return []
        return [*(owned.earlier or ()), Then(owned.since, now)]

    def ago(self, id: Id, seconds: float, now: float) -> Resource | None:
        """The resource as it was that long ago; None if it had not been seen by then."""
        wanted = now - seconds
        return next((then.resource for then in reversed(self.history(id)) if then.since <= wanted), None)

    def since(self, id: Id, fields: Sequence[str]) -> tuple[float, Resource | None]:
        """Since when these fields have been as they are now, and what the resource was before that."""
        past = self.history(id)
        start, values = past[-1].since, [getattr(past[-1].resource, field) for field in fields]
        for then in reversed(past):
            if [getattr(then.resource, field) for field in fields] != values:
                return start, then.resource
            start = then.since
        return start, None

    # --- taking in ------------------------------------------------------------------------------------------

    def apply(self, seen: Observation) -> set[Id]:
        """Applies one observation. Returns the ids of resources that changed in more than their time."""
        if seen.left:
            return self._left(seen)
        changed = self._apply_health(seen)
        if seen.health.state is not State.OK:
            return changed | self._doubt(seen)
        self.seen_at[seen.source] = seen.at
        for resource in seen.upserts:
            if self._put(self._as_configured(resource, seen.at), seen.source, seen.at):
                changed.add(resource.id)
        lost: set[Id] = set(seen.gone)
        if seen.complete:
            lost |= self._by_source[seen.source].difference(resource.id for resource in seen.upserts)
        return changed.union(id for id in lost if self._lose(id, seen.at))

    def miss(self, id: Id, since: float) -> None:
        """Marks as gone what was never seen."""
        self._set_gone(Gone(id, None, since))

    def forget(self, id: Id) -> None:
        """Drops something that is gone, with its past."""
        if self.gone.pop(id, None):
            self.gone_of[id.kind] -= 1
        if (owned := self._owned.pop(id, None)) is not None:
            self._by_source[owned.source].discard(id)

    def expire(self, now: float, needed: Callable[[Id], bool]) -> set[Id]:
        """Drops resources that have been gone for `PAST` and are not needed. Returns their ids."""
        dropped: set[Id] = set()
        while self._leaving and self._leaving[0][0] <= now - PAST:
            _, id = self._leaving.popleft()
            gone = self.gone.get(id)
            if gone is None or gone.since > now - PAST:  # it came back, or left again since
                continue
            if needed(id):
                self._leaving.append((now, id))
                continue
            self.forget(id)
            dropped.add(id)
        return dropped

    @property
    def next_expiry(self) -> float | None:
        return self._leaving[0][0] + PAST if self._leaving else None

    def _doubt(self, seen: Observation) -> set[Id]:
        """Makes everything that an unwell source reported unknown, except the fields that it still reports."""
        told = {resource.id: resource for resource in seen.upserts}
        changed: set[Id] = set()
        for id in self._by_source[seen.source] | told.keys():
            if before := self.current.get(id) or told.get(id):
                known = without_values(before, seen.health)
                if id in told:
                    known = self._as_configured(with_known_fields(known, told[id]), before.at)
                if self._put(known, seen.source, seen.at):
                    changed.add(id)
        return changed

    def _left(self, seen: Observation) -> set[Id]:
        """Removes a source that has left the venue, with everything that it reported."""
        self.health.pop(seen.source, None)
        self.seen_at.pop(seen.source, None)
        self._address.pop(seen.source, None)
        lost = {id for id in self._by_source.pop(seen.source, set()) if self._lose(id, seen.at)}
        if self._lose(seen.source, seen.at):
            self.forget(seen.source)
            lost.add(seen.source)
        return lost

    def _apply_health(self, seen: Observation) -> set[Id]:
        health, address = seen.health, seen.address
        self.health[seen.source] = health
        if address:
            self._address[seen.source] = address
        place = self._configured_at(address) if address else ""
        shown = SourceHealth(
            id=seen.source,
            name=clean(seen.source.local, 60),
            at=seen.at,
            backend=seen.backend,
            state=health.state.value,
            sentence=clean(health.sentence, 300),
            remedy=_placed(health.remedy, place),
            children=seen.usage.children,
            cpu=seen.usage.cpu if seen.usage.children else NO_CHILDREN,
            memory=seen.usage.memory if seen.usage.children else NO_CHILDREN,
        )
        return {shown.id} if self._put(shown, VENUE, seen.at) else set()

    def _put(self, resource: Resource, source: Id, at: float) -> bool:
        """Keeps a reading. True if it differs from the one before."""
        id = resource.id
        known, owned = self.current.get(id), self._owned.get(id)
        if owned is None or owned.source != source:
            self._own(id, source, owned)
        if known is not None and says_the_same(known, resource):
            self.current[id] = structs.replace(known, at=resource.at, evidence=resource.evidence)
            return False
        self.current[id] = resource
        gone = self.gone.pop(id, None)
        if gone:
            self.gone_of[id.kind] -= 1
        if known is None or known.name != resource.name:
            order = self._by_kind[id.kind]
            if known is not None:
                order.remove(known.name, id)
            order.add(resource.name, id)
        self._remember(id, gone.last if gone else known, at)
        return True

    def _own(self, id: Id, source: Id, before: Owned | None) -> None:
        if before is None:
            self._owned[id] = Owned(source, 0.0)
        else:
            self._by_source[before.source].discard(id)
            before.source = source
        self._by_source[source].add(id)

    def _remember(self, id: Id, before: Resource | None, at: float) -> None:
        owned = self._owned[id]
        if before is not None:
            past = owned.earlier = owned.earlier if owned.earlier is not None else []
            past.append(Then(owned.since, before))
            while len(past) > 1 and past[1].since < at - PAST:
                del past[0]
        owned.since = at

    def _lose(self, id: Id, at: float) -> bool:
        """True if it was there."""
        last = self.current.pop(id, None)
        if last is None:
            return False
        self._by_kind[id.kind].remove(last.name, id)
        self._set_gone(Gone(id, last, at))
        self._leaving.append((at, id))
        return True

    def _set_gone(self, gone: Gone) -> None:
        if gone.id not in self.gone:
            self.gone_of[gone.id.kind] += 1
        self.gone[gone.id] = gone

    def _as_configured(self, resource: Resource, at: float) -> Resource:
        """With the time of its observation, and the name and the joins that the venue file gives it."""
        if self._names or self._joins:
            short = f"{resource.id.kind}/{resource.id.local}"
            name = self._names.get(short) or resource.name
            joins = self._joins.get(short) or self._joins.get(f"{resource.id.kind}/{name}") or ()
            if joins or name != resource.name:
                return structs.replace(resource, at=resource.at or at, name=name, links=joins + resource.links)
        return resource if resource.at else structs.replace(resource, at=at)


def _placed(remedy: Remedy | None, place: str) -> Remedy | None:
    """With the place in the venue file that configures the source."""
    if remedy is None:
        return None
    return structs.replace(remedy, text=clean(f"{remedy.text} ({place})" if place else remedy.text, 300))
