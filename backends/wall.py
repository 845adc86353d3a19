"""The wall that every reading passes on its way from a source to the venue: numbers that are none stay outside."""

from __future__ import annotations

from functools import cache

from msgspec import structs

from backends.contract import Resource, Unknown, Why

LARGEST = 1e15  # what measures nothing in a venue: its numbers are seconds, percent, MiB, frames, ids of processes
_COMMON = frozenset(Resource.__struct_fields__)


def sound(resource: Resource) -> Resource:
    """The resource, with every number that is NaN, infinite or enormous in its fields unknown."""
    values = ((name, getattr(resource, name)) for name in _fields(type(resource)))
    bad = {
        name: Unknown(Why.MALFORMED, "the number is NaN, infinite or enormous")
        for name, value in values
        if isinstance(value, int | float) and not -LARGEST <= value <= LARGEST
    }
    return structs.replace(resource, **bad) if bad else resource


@cache
def _fields(kind: type[Resource]) -> tuple[str, ...]:
    return tuple(name for name in kind.__struct_fields__ if name not in _COMMON)
