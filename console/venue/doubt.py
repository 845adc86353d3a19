"""What is left of a resource whose source is not well. Pure."""

from __future__ import annotations

from msgspec import structs

from backends.contract import Health, KindSpec, Resource, State, Unknown, Why

_WHY = {State.DENIED: Why.DENIED, State.STARTING: Why.NOT_YET}


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


def with_known_fields(blank: Resource, reported: Resource, kind: KindSpec | None) -> Resource:
    """A resource without values, with what its source, which is not well, reports of it; only known fields count."""
    values = {field.name: getattr(reported, field.name) for field in (kind.fields if kind else ()) if not field.via}
    known = {name: value for name, value in values.items() if not isinstance(value, Unknown)}
    return structs.replace(
        blank, name=reported.name, keys=reported.keys, links=reported.links, evidence=reported.evidence,
        offers=reported.offers, **known,
    )  # fmt: skip
