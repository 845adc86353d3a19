"""A made-up venue for judging rules: resources by hand, and what they were some time ago."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from backends.contract import Gone, Id, Resource


class FakeView(Struct):
    """`ends` maps (id, relation) to the other end, `past` an id to [(seconds ago, resource)...], newest first."""

    now: float = 1000.0
    ends: dict[tuple[Id, str], Resource | Gone] = field(default_factory=dict)
    backs: dict[tuple[Id, str], list[Resource]] = field(default_factory=dict)
    past: dict[Id, list[tuple[float, Resource]]] = field(default_factory=dict)

    def follow(self, resource: Resource | Gone, relation: str) -> Resource | Gone | None:
        return self.ends.get((resource.id, relation))

    def back(self, resource: Resource | Gone, relation: str) -> Sequence[Resource]:
        return self.backs.get((resource.id, relation), [])

    def ago(self, id: Id, seconds: float) -> Resource | None:
        return next((then for age, then in self.past.get(id, []) if age >= seconds), None)

    def since(self, resource: Resource, *fields: str) -> tuple[float, Resource | None]:
        start = self.now
        for age, then in self.past.get(resource.id, []):
            if any(getattr(then, field) != getattr(resource, field) for field in fields):
                return start, then
            start = self.now - age
        return start, None
