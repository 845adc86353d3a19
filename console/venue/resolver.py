"""Joins resources of different backends: a link finds whoever publishes its key. One resolver for everything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec import Struct

from backends.contract import Gone, Id, Key, Link, Resource
from console.venue.state import VenueState


class Resolved(Struct, frozen=True):
    """What one link leads to: nobody, one resource (perhaps gone), or several (ambiguous)."""

    link: Link
    ids: tuple[Id, ...]

    @property
    def says(self) -> str:
        match len(self.ids):
            case 0:
                return f"unresolved: nobody publishes {self.link.to.space} {self.link.to.value}"
            case 1:
                return str(self.ids[0])
            case _:
                return "ambiguous: " + ", ".join(map(str, self.ids))


class Resolver:
    """An index of keys over a venue's state."""

    def __init__(self, state: VenueState) -> None:
        self._state = state
        self._by_key: defaultdict[Key, set[Id]] = defaultdict(set)
        self._linking: defaultdict[str, set[Id]] = defaultdict(set)
        self._indexed: dict[Id, tuple[tuple[Key, ...], frozenset[str]]] = {}

    def update(self, changed: Iterable[Id]) -> tuple[set[Key], set[str]]:
        """Indexes what changed. Returns the keys and the relations whose answers may now differ."""
        keys: set[Key] = set()
        relations: set[str] = set()
        for id in changed:
            old_keys, old_relations = self._indexed.pop(id, ((), frozenset()))
            entry = self._state.get(id)
            if entry is not None:
                resource = entry.last if isinstance(entry, Gone) else entry
                keys_of = resource.keys if resource else ()
                self._indexed[id] = ((*keys_of, id_key(id)), frozenset(link.relation for link in _links(entry)))
            new_keys, new_relations = self._indexed.get(id, ((), frozenset()))
            for key in set(old_keys) - set(new_keys):
                self._by_key[key].discard(id)
            for key in new_keys:
                self._by_key[key].add(id)
            for relation in old_relations - new_relations:
                self._linking[relation].discard(id)
            for relation in new_relations:
                self._linking[relation].add(id)
            keys |= set(old_keys) | set(new_keys)
            relations |= old_relations | new_relations
        return keys, relations

    def resolve(self, link: Link) -> Resolved:
        """Whoever publishes the key and is there; if nobody is, whoever did before it was gone."""
        ids = self._by_key.get(link.to, set())
        present = [id for id in ids if id in self._state.current]
        return Resolved(link, tuple(sorted(present or ids)))

    def follow(self, resource: Resource | Gone, relation: str) -> Id | None:
        """The one resource that a relation leads to. What is there goes before what is gone; among equals the
        first link wins."""
        found = [self.resolve(link).ids for link in _links(resource) if link.relation == relation]
        single = [ids[0] for ids in found if len(ids) == 1]
        return next((id for id in single if id in self._state.current), next(iter(single), None))

    def back(self, target: Id, relation: str) -> Iterator[Id]:
        """Everything whose relation leads to `target`, what is gone included."""
        for id in sorted(self._linking.get(relation, ())):
            entry = self._state.get(id)
            if entry is not None and self.follow(entry, relation) == target:
                yield id

    def chain(self, resource: Resource | Gone) -> list[Id]:
        """The signal's path onwards from a resource, nearest first, each id once."""
        path: list[Id] = []
        queue = [resource]
        while queue:
            here = queue.pop(0)
            for relation in dict.fromkeys(link.relation for link in _links(here) if not link.aside):
                id = self.follow(here, relation)
                entry = self._state.get(id) if id else None
                if id and entry and id != resource.id and id not in path:
                    path.append(id)
                    queue.append(entry)
        return path


def id_key(id: Id) -> Key:
    """The key that everything publishes by being what it is, so that a join in the venue file can name it."""
    return Key("id", f"{id.kind}/{id.local}", id.host)


def _links(resource: Resource | Gone) -> tuple[Link, ...]:
    if isinstance(resource, Gone):
        return resource.last.links if resource.last else ()
    return resource.links
