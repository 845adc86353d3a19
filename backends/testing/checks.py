"""What must be true of every resource, observation and rule, whichever backend they come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec import structs

from backends.contract import (
    Backend,
    Gone,
    Id,
    KindSpec,
    Observation,
    Reason,
    Resource,
    State,
    Unknown,
    Verdict,
    clean,
)
from backends.declare import own_fields
from backends.wire import Wire

LONGEST = 2000  # characters of any text


def check_resource(backend: Backend, host: str, resource: Resource) -> None:
    """Kind, fields, identity, cleanliness."""
    id, spec = resource.id, kind_of(backend, resource)
    assert isinstance(resource, spec.resource), f"{id} is a {type(resource).__name__}, not a {spec.resource.__name__}"
    assert id.host == host, f"{id} comes from {host}"
    assert Id.parse(str(id)) == id, f"{id} is not read back as it is written"
    for field in spec.fields:
        if not field.via:
            value = getattr(resource, field.name)
            assert isinstance(value, str | int | float | bool | tuple | Unknown), f"{id}: {field.name} is {value!r}"
    check_texts(f"{id}", resource)
    for offer in resource.offers:
        assert offer.target == id, f"{id} offers {offer.action} of {offer.target}"
    for evidence in resource.evidence:
        assert evidence.read_from, f"{id}: '{evidence.what}' does not say where it was read"


def kind_of(backend: Backend, resource: Resource) -> KindSpec:
    found = [kind for kind in backend.kinds if kind.kind == resource.id.kind]
    assert found, f"{resource.id} is of a kind that {backend.name} does not declare"
    return found[0]


def check_texts(where: str, value: object) -> None:
    """Short, and without a character that a terminal acts on."""
    for text in texts(msgspec.to_builtins(value)):
        assert len(text) <= LONGEST, f"{where}: a text of {len(text)} characters"
        assert clean(text, LONGEST) == text, f"{where}: {text!r} did not pass through clean()"


def check_observations(backend: Backend, host: str, said: Iterable[Observation]) -> None:
    """Only what is healthy says what is there and what is gone; what is not says why, and what to do. All of it can be
    sent and read back."""
    wire = Wire(backend.kinds)
    for observation in said:
        assert wire.decode(wire.encode(observation)) == observation, f"not the same after JSON: {observation}"
        assert wire.unpack(wire.pack(observation)) == observation, f"not the same after MessagePack: {observation}"
        for resource in observation.upserts:
            check_resource(backend, host, resource)
        health = observation.health
        if health.state is not State.OK:
            assert not observation.gone, f"it is {health.state}, and says that {observation.gone} is gone"
            assert not observation.complete, f"it is {health.state}, and claims to list everything"
            assert health.sentence, f"it is {health.state}, and does not say why"
            assert health.remedy, f"it is {health.state}, and does not say what to do"
            check_texts("its health", health)


class LoneView:
    """What a rule sees that judges one resource with nothing around it and no past."""

    def __init__(self, now: float) -> None:
        self.now = now

    def follow(self, resource: Resource | Gone, relation: str) -> Resource | Gone | None:
        return None

    def back(self, resource: Resource | Gone, relation: str) -> Sequence[Resource]:
        return ()

    def ago(self, id: Id, seconds: float) -> Resource | None:
        return None

    def since(self, resource: Resource, *fields: str) -> tuple[float, Resource | None]:
        return self.now, None


def check_rules(backend: Backend, resource: Resource) -> None:
    """Every rule and question of its kind has an answer: as the resource is, with nothing known of it, and gone."""
    view, spec = LoneView(resource.at), kind_of(backend, resource)
    blank = structs.replace(resource, **dict.fromkeys(own_fields(spec.resource), Unknown()))
    for rule in backend.rules:
        for subject in (resource, blank, Gone(resource.id, resource, resource.at)):
            if rule.kind == spec.kind:
                verdict = rule.judge(subject, view)
                assert isinstance(verdict, Verdict), f"rule {rule.name} answers with {verdict!r}"
                check_texts(f"rule {rule.name}", verdict)
    for question in backend.questions:
        for state in (resource, blank):
            if question.kind == spec.kind:
                reasons = tuple(question.answer(state, view))
                assert all(isinstance(each, Reason) for each in reasons), f"'{question.words}' has {reasons!r}"
                check_texts(f"'{question.words}'", reasons)


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
