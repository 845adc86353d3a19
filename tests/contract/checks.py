"""What must be true of every resource and every observation, whichever backend they come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from backends.contract import Backend, Id, Observation, Resource, State, Unknown, clean
from backends.wire import Wire

LONGEST = 2000  # characters of any text


def check_resource(backend: Backend, host: str, resource: Resource) -> None:
    """Kind, fields, identity, serialisation, cleanliness."""
    spec = next(kind for kind in backend.kinds if kind.kind == resource.id.kind)
    assert isinstance(resource, spec.resource)
    assert resource.id.host == host, f"{resource.id} comes from {host}"
    assert Id.parse(str(resource.id)) == resource.id
    for field in spec.fields:
        if not field.via:
            value = getattr(resource, field.name)
            assert isinstance(value, str | int | float | bool | tuple | Unknown), (resource.id, field.name, value)
    for text in texts(msgspec.to_builtins(resource)):
        assert len(text) <= LONGEST
        assert clean(text, LONGEST) == text, f"{resource.id}: {text!r}"
    for offer in resource.offers:
        assert offer.target == resource.id
    assert all(evidence.read_from for evidence in resource.evidence)


def check_observations(backend: Backend, host: str, said: Iterable[Observation]) -> None:
    """Only what is healthy says what is there and what is gone; what is not says why, and what to do."""
    wire = Wire(backend.kinds)
    for observation in said:
        assert wire.decode(wire.encode(observation)) == observation
        assert wire.unpack(wire.pack(observation)) == observation
        for resource in observation.upserts:
            check_resource(backend, host, resource)
        if observation.health.state is not State.OK:
            assert not observation.gone
            assert not observation.complete
            assert observation.health.sentence
            assert observation.health.remedy
            assert clean(observation.health.sentence, LONGEST) == observation.health.sentence


def texts(value: object) -> Iterator[str]:
    """Every text in a tree of builtins, keys included."""
    match value:
        case str():
            yield value
        case dict():
            for key, item in value.items():
                yield from texts(key)
                yield from texts(item)
        case list() | tuple():
            for item in value:
                yield from texts(item)
