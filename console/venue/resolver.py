"""Joins resources of different backends: a link leads to the resource that publishes its key."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from msgspec import Struct

from backends.contract import Gone, Id, Key, Link, Resource
from console.venue.index import Belonging
from console.venue.state import VenueState

FarEnd: TypeAlias = tuple[str, Key]  # a relation, and the key that it leads to


class Resolved(Struct, frozen=True):
    """What one link leads to: nothing, one resource (perhaps gone), or several (ambiguous)."""

    link: Link
    ids: tuple[Id, ...]

    @property
    def says(self) -> str:
        match len(self.ids):
            case 0:
                return f"not found: no resource here has {self.link.to.space} {self.link.to.value}"
            case 1:
                return str(self.ids[0])
            case _:
                return "ambiguous: " + ", ".join(map(str, self.ids))


class Indexed(Struct, frozen=True):
    """What the index knows of one resource. `there` is False for what is gone."""

    keys: tuple[Key, ...] = ()
    links: tuple[Link, ...] = ()
    there: bool = False


NOTHING = Indexed()


class Resolver:
    """Which resource publishes each key, and which link to it."""

    def __init__(self, state: VenueState) -> None:
        self._state = state
        self._publishers: Belonging[Key] = Belonging()
        self._linking: Belonging[Key] = Belonging()
        self._indexed: dict[Id, Indexed] = {}

    def update(self, changed: Iterable[Id]) -> set[Key | FarEnd]:
        """Indexes what changed. Returns the keys that somebody else publishes now, and the far ends to which somebody
        else may link."""
        keys: set[Key] = set()
        ends: set[Key | FarEnd] = set()
        for id in changed:
            self._index(id, keys, ends)
        for key in keys:  # what links to it may follow another of its links now
            for id in self._linking.of(key):
                links = self._links_of(id)
                relations = {link.relation for link in links if link.to == key}
                ends.update((link.relation, link.to) for link in links if link.relation in relations)
        return ends | keys

    def _index(self, id: Id, keys: set[Key], ends: set[Key | FarEnd]) -> None:
        old, new = self._indexed.pop(id, NOTHING), self._indexable(id)
        if new is not NOTHING:
            self._indexed[id] = new
        if old == new:
            return
        keys.update({*old.keys, *new.keys} if old.there != new.there else set(old.keys) ^ set(new.keys))
        for key in old.keys:
            self._publishers.discard(key, id)
        for key in new.keys:
            self._publishers.add(key, id)
        for link in old.links:
            self._linking.discard(link.to, id)
        for link in new.links:
            self._linking.add(link.to, id)
        if old.links != new.links or old.there != new.there:
            ends.update((link.relation, link.to) for link in (*old.links, *new.links))

    def _indexable(self, id: Id) -> Indexed:
        entry = self._state.get(id)
        if entry is None:
            return NOTHING
        return Indexed(self.keys_of(id), _links(entry), not isinstance(entry, Gone))

    def resolve(self, link: Link) -> Resolved:
        """The present resource that publishes the key; else the one that did before it was gone."""
        return Resolved(link, self._publishing(link.to))

    def _publishing(self, key: Key) -> tuple[Id, ...]:
        ids = self._publishers.of(key)
        if len(ids) < 2:
            return ids
        present = [id for id in ids if id in self._state.current]
        return tuple(sorted(present or ids))

    def follow(self, resource: Resource | Gone, relation: str) -> Id | None:
        """The one resource that a relation leads to. What is there goes before what is gone; among equals the
        first link wins."""
        lost = None
        for link in _links(resource):
            if link.relation == relation:
                ids = self._publishing(link.to)
                if len(ids) == 1:
                    if ids[0] in self._state.current:
                        return ids[0]
                    lost = lost or ids[0]
        return lost

    def back(self, target: Id, relation: str) -> Iterator[Id]:
        """Everything whose relation leads to `target`, what is gone included."""
        linking = {id for key in self.keys_of(target) for id in self._linking.of(key)}
        for id in sorted(linking):
            entry = self._state.get(id)
            if entry is not None and self.follow(entry, relation) == target:
                yield id

    def keys_of(self, id: Id) -> tuple[Key, ...]:
        """Every key under which a resource can be found."""
        entry = self._state.get(id)
        resource = entry.last if isinstance(entry, Gone) else entry
        return (id_key(id), *(resource.keys if resource else ()))

    def is_linked(self, id: Id) -> bool:
        """Whether anything that is there links to it."""
        linking = (other for key in self.keys_of(id) for other in self._linking.of(key))
        return any(other in self._state.current for other in linking)

    def chain(self, resource: Resource | Gone) -> list[Id]:
        """The signal's path onwards from a resource, nearest first, each id once."""
        path: dict[Id, None] = {}
        queue = deque([resource])
        while queue:
            here = queue.popleft()
            for relation in self._path_relations(here):
                id = self.follow(here, relation)
                entry = self._state.get(id) if id else None
                if id and entry and id != resource.id and id not in path:
                    path[id] = None
                    queue.append(entry)
        return list(path)

    def needing(self, target: Id) -> list[Id]:
        """Everything that is there whose chain leads to `target`, in order."""
        found: set[Id] = set()
        queue = deque([target])
        while queue:
            here = queue.popleft()
            for id in {id for key in self.keys_of(here) for id in self._linking.of(key)} - found:
                entry = self._state.get(id)
                relations = self._path_relations(entry) if entry else ()
                if entry and id != target and any(self.follow(entry, relation) == here for relation in relations):
                    found.add(id)
                    queue.append(id)
        return sorted(id for id in found if id in self._state.current)

    def _path_relations(self, entry: Resource | Gone) -> tuple[str, ...]:
        """Its relations that are part of the signal's path, in the order of its links."""
        resource = entry.last if isinstance(entry, Gone) else entry
        kind = self._state.describe(resource) if resource else None
        beside = kind.beside if kind else ()
        found = dict.fromkeys(link.relation for link in _links(entry))
        return tuple(relation for relation in found if relation.partition(" ")[0] not in beside)

    def _links_of(self, id: Id) -> tuple[Link, ...]:
        entry = self._state.get(id)
        return _links(entry) if entry else ()


def id_key(id: Id) -> Key:
    """The key that everything publishes by being what it is, so that a join in the venue file can name it."""
    return Key("id", f"{id.kind}/{id.local}", id.host)


def _links(resource: Resource | Gone) -> tuple[Link, ...]:
    if isinstance(resource, Gone):
        return resource.last.links if resource.last else ()
    return resource.links
