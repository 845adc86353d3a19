"""How readings of a resource compare, and what is left of one whose source is not well. Pure."""

from __future__ import annotations

from msgspec import structs

from backends.contract import Health, Resource, State, Unknown, Why
from backends.declare import own_fields

_WHY = {State.DENIED: Why.DENIED, State.STARTING: Why.NOT_YET}


def without_values(resource: Resource, health: Health) -> Resource:
    """The resource with every field unknown, each remembering its last value."""
    why, values = _WHY.get(health.state, Why.UNREACHABLE), {}
    for name in own_fields(type(resource)):
        value = getattr(resource, name)
        last = value.last if isinstance(value, Unknown) else value
        values[name] = Unknown(why, health.sentence, list(last) if isinstance(last, tuple) else last)
    return structs.replace(resource, offers=(), **values)


def with_known_fields(blank: Resource, reported: Resource) -> Resource:
    """A resource without values, with what its source, which is not well, reports of it; only known fields count."""
    both = set(own_fields(type(blank))).intersection(own_fields(type(reported)))
    values = {name: getattr(reported, name) for name in both}
    known = {name: value for name, value in values.items() if not isinstance(value, Unknown)}
    return structs.replace(
        blank, name=reported.name, keys=reported.keys, links=reported.links, evidence=reported.evidence,
        offers=reported.offers, **known,
    )  # fmt: skip


def says_the_same(one: Resource, other: Resource) -> bool:
    """Whether two readings of a resource differ in nothing but their times."""
    if type(one) is not type(other) or len(one.evidence) != len(other.evidence):
        return False
    if structs.replace(one, at=other.at, evidence=other.evidence) != other:
        return False
    if one.evidence == other.evidence:
        return True
    pairs = zip(one.evidence, other.evidence, strict=True)
    return all(a.raw == b.raw and a.what == b.what and a.read_from == b.read_from for a, b in pairs)
