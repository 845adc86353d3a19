"""Two small indexes: from anything to the few ids that belong to it, and a kind's resources in order of their names."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

from backends.contract import Id

K = TypeVar("K", bound=Hashable)


class Belonging(Generic[K]):
    """Which ids belong to a key. Most keys have one: that one is kept without a set around it (72 bytes, not 290)."""

    def __init__(self) -> None:
        self._ids: dict[K, Id | set[Id]] = {}

    def add(self, key: K, id: Id) -> None:
        known = self._ids.get(key)
        if known is None:
            self._ids[key] = id
        elif isinstance(known, set):
            known.add(id)
        elif known != id:
            self._ids[key] = {known, id}

    def discard(self, key: K, id: Id) -> None:
        known = self._ids.get(key)
        if isinstance(known, set):
            known.discard(id)
            if len(known) == 1:
                self._ids[key] = known.pop()
        elif known == id:
            del self._ids[key]

    def of(self, key: K) -> tuple[Id, ...]:
        known = self._ids.get(key)
        if known is None:
            return ()
        return tuple(known) if isinstance(known, set) else (known,)

    def pop(self, key: K) -> tuple[Id, ...]:
        found = self.of(key)
        self._ids.pop(key, None)
        return found

    def __len__(self) -> int:
        return len(self._ids)


class Ordered:
    """The ids of one kind by name, then by id."""

    def __init__(self) -> None:
        self._names: list[tuple[str, Id]] = []
        self._longest: int | None = 0

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[Id]:
        return (id for _, id in self._names)

    @property
    def longest(self) -> int:
        """Characters of the longest name."""
        if self._longest is None:
            self._longest = max((len(name) for name, _ in self._names), default=0)
        return self._longest

    def add(self, name: str, id: Id) -> None:
        insort(self._names, (name, id))
        if self._longest is not None:
            self._longest = max(self._longest, len(name))

    def remove(self, name: str, id: Id) -> None:
        at = bisect_left(self._names, (name, id))
        if self._names[at : at + 1] == [(name, id)]:
            del self._names[at]
            if len(name) == self._longest:
                self._longest = None
