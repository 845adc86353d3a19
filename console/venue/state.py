"""The current resources of all sources, with a short past. Nothing that is unknown looks fine here."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, structs

from backends.contract import (
    Gone,
    Health,
    Id,
    KindSpec,
    Link,
    Observation,
    Resource,
    State,
    Unknown,
    Why,
    clean,
    stripped_of_times,
)
from backends.kinds import SourceHealth, source_id

PAST = 60.0  # seconds of history kept for rules and the detail view
_WHY = {State.DENIED: Why.DENIED, State.STARTING: Why.NOT_YET}


class Then(Struct, frozen=True):
    """A resource as it was from `since` until the next entry."""

    since: float
    resource: Resource


class VenueState:
    """Applies observations; keeps what is there, what is gone and what was."""

    def __init__(
        self, host: str, names: Mapping[str, str] = {}, joins: Mapping[str, tuple[Link, ...]] = {},
        configured_at: Callable[[str], str] = lambda source: "",
    ) -> None:  # fmt: skip
        self.host = host
        self.kinds: dict[str, KindSpec] = {}
        self.current: dict[Id, Resource] = {}
        self.gone: dict[Id, Gone] = {}
        self.history: dict[Id, deque[Then]] = {}
        self.source_of: dict[Id, str] = {}
        self.health: dict[str, Health] = {}
        self.seen_at: dict[str, float] = {}  # when each source last said anything good
        self._bare: dict[Id, Resource] = {}  # what is in `current`, without time stamps, for comparing
        self._names, self._joins, self._configured_at = dict(names), dict(joins), configured_at

    def add_kinds(self, kinds: Iterable[KindSpec]) -> None:
        for kind in kinds:
            self.kinds.setdefault(kind.kind, kind)

    def get(self, id: Id) -> Resource | Gone | None:
        return self.current.get(id) or self.gone.get(id)

    def name_of(self, id: Id) -> str:
        """What people call it: as the venue file says, as it calls itself, else its local name."""
        entry = self.get(id)
        resource = entry.last if isinstance(entry, Gone) else entry
        return resource.name if resource else clean(self._names.get(f"{id.kind}/{id.local}") or id.local, 60)

    def of_kind(self, kind: str) -> list[Resource]:
        return [resource for id, resource in self.current.items() if id.kind == kind]

    def owned(self, source: str) -> Iterator[Id]:
        return (id for id, owner in self.source_of.items() if owner == source)

    def about(self, source: str) -> list[Id]:
        """What a source tells of. Before it has told anything: what the venue file names at its address."""
        address = source.partition(" ")[2]
        named = (short.partition("/") for short in self._names)
        return list(self.owned(source)) or [Id(self.host, kind, local) for kind, _, local in named if local == address]

    def apply(self, seen: Observation) -> set[Id]:
        """Takes one observation in. Returns the ids of which something other than the time has changed."""
        changed = self._apply_health(seen)
        if seen.health.state is not State.OK:
            told = {resource.id: resource for resource in seen.upserts}
            self.source_of |= dict.fromkeys(told, seen.source)
            for id in list(self.owned(seen.source)):
                if before := self.current.get(id) or told.get(id):
                    kind = self.kinds.get(id.kind)
                    less = without_values(before, kind, seen.health)
                    known = self._as_configured(all_the_same(less, told[id], kind)) if id in told else less
                    changed |= self._put(known, seen.at)
            return changed
        self.seen_at[seen.source] = seen.at
        for resource in seen.upserts:
            self.source_of[resource.id] = seen.source
            changed |= self._put(self._as_configured(structs.replace(resource, at=resource.at or seen.at)), seen.at)
        lost = set(seen.gone)
        if seen.complete:
            lost |= set(self.owned(seen.source)) - {resource.id for resource in seen.upserts}
        for id in lost:
            last = self.current.pop(id, None)
            self._bare.pop(id, None)
            if last is not None:
                self.gone[id] = Gone(id, last, seen.at)
                changed.add(id)
        return changed

    def ago(self, id: Id, seconds: float, now: float) -> Resource | None:
        """The resource as it was that long ago; None if it had not been seen by then."""
        wanted = now - seconds
        return next((then.resource for then in reversed(self.history.get(id, ())) if then.since <= wanted), None)

    def since(self, id: Id, fields: Sequence[str]) -> tuple[float, Resource | None]:
        """Since when these fields have been as they are now, and what the resource was before that."""
        past = self.history[id]
        start, values = past[-1].since, [getattr(past[-1].resource, field) for field in fields]
        for then in reversed(past):
            if [getattr(then.resource, field) for field in fields] != values:
                return start, then.resource
            start = then.since
        return start, None

    def forget(self, id: Id) -> None:
        """Drops something gone for good, so that it is not missed any more."""
        self.gone.pop(id, None)
        self.source_of.pop(id, None)

    def _apply_health(self, seen: Observation) -> set[Id]:
        self.health[seen.source] = seen.health
        remedy, place = seen.health.remedy, self._configured_at(seen.source)
        health = SourceHealth(
            id=source_id(self.host, seen.source),
            name=clean(seen.source, 60),
            at=seen.at,
            backend=seen.source.partition(" ")[0],
            state=seen.health.state.value,
            sentence=clean(seen.health.sentence, 300),
            remedy=clean(f"{remedy} ({place})" if remedy and place else remedy, 300),
            action=seen.health.action,
            target=seen.health.target,
        )
        return self._put(health, seen.at)

    def _put(self, resource: Resource, at: float) -> set[Id]:
        id, bare = resource.id, stripped_of_times(resource)
        known = self._bare.get(id)
        self.current[id] = resource
        if bare == known:
            return set()
        self._bare[id] = bare
        self.gone.pop(id, None)
        past = self.history.setdefault(id, deque())
        past.append(Then(at, resource))
        while len(past) > 1 and past[1].since < at - PAST:
            past.popleft()
        return {id}

    def _as_configured(self, resource: Resource) -> Resource:
        """With the name and the joins that the venue file gives it."""
        short = f"{resource.id.kind}/{resource.id.local}"
        name = self._names.get(short)
        joins = self._joins.get(short) or (self._joins.get(f"{resource.id.kind}/{name or resource.name}"))
        if name or joins:
            return structs.replace(resource, name=name or resource.name, links=(joins or ()) + resource.links)
        return resource


def without_values(resource: Resource, kind: KindSpec | None, health: Health) -> Resource:
    """The resource with every declared field unknown, each remembering its last value."""
    if kind is None:
        return resource
    why, values = _WHY.get(health.state, Why.UNREACHABLE), {}
    for name in {field.name for field in kind.fields if not field.via}:
        value = getattr(resource, name)
        last = value.last if isinstance(value, Unknown) else value
        values[name] = Unknown(why, health.sentence, list(last) if isinstance(last, tuple) else last)
    return structs.replace(resource, offers=(), **values)


def all_the_same(less: Resource, told: Resource, kind: KindSpec | None) -> Resource:
    """A resource without values, with what its source, which is not well, knows of it all the same."""
    values = {field.name: getattr(told, field.name) for field in (kind.fields if kind else ()) if not field.via}
    known = {name: value for name, value in values.items() if not isinstance(value, Unknown)}
    return structs.replace(
        less, name=told.name, keys=told.keys, links=told.links, evidence=told.evidence, offers=told.offers, **known
    )
