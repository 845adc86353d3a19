"""Checks every resource on its way from a source to the venue: a value that does not fit its field's declaration
becomes Unknown."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from types import UnionType
from typing import Any, TypeAlias, Union, get_args, get_origin, get_type_hints

from msgspec import structs

from backends.contract import Health, Resource, Unknown, Why, clean
from backends.declare import declared, own_fields

LONGEST = 2000  # characters of one value
LARGEST = 1e15  # larger than any quantity of a venue: seconds, percent, MiB, frames, process ids

Check: TypeAlias = Callable[[object], str]  # what is wrong with a value, or ""


def sound(resource: Resource) -> Resource:
    """The resource, with Unknown for every value of the wrong type, every number that is NaN, infinite or enormous, and
    every negative number in a field that is not `signed`; and with text that can be shown."""
    bad: dict[str, Any] = {}
    if not isinstance(resource.name, str) or not resource.name.isprintable():
        bad["name"] = clean(resource.name)
    for name, check in _checks(type(resource)):
        value = getattr(resource, name)
        if isinstance(value, str) and not value.isprintable():
            bad[name] = clean(value, LONGEST)
        if not isinstance(value, Unknown) and (wrong := check(value)):
            bad[name] = Unknown(Why.MALFORMED, wrong)
    return structs.replace(resource, **bad) if bad else resource


def shown(health: Health) -> Health:
    """The health in text that can be shown."""
    remedy = health.remedy and structs.replace(health.remedy, text=clean(health.remedy.text, LONGEST))
    return structs.replace(health, sentence=clean(health.sentence, LONGEST), remedy=remedy)


@cache
def _checks(kind: type[Resource]) -> tuple[tuple[str, Check], ...]:
    hints, specs = get_type_hints(kind), {each.name: each for each in declared(kind)}
    return tuple(
        (name, partial(_wrong, tuple(_types(hints[name])), name not in specs or specs[name].signed))
        for name in own_fields(kind)
    )


def _types(hint: Any) -> list[Any]:
    """The types that a field's values may have; Any for types that are not checked."""
    if get_origin(hint) in (Union, UnionType):
        return [each for part in get_args(hint) for each in _types(part)]
    origin = get_origin(hint) or hint
    return [origin if isinstance(origin, type) else Any]


def _wrong(types: tuple[Any, ...], signed: bool, value: object) -> str:
    if Any not in types and type(value) not in types and not isinstance(value, types):
        return f"it is of type {type(value).__name__}"
    if isinstance(value, bool) and bool not in types and Any not in types:
        return "it is of type bool"
    if isinstance(value, int | float):
        if not -LARGEST <= value <= LARGEST:
            return "the number is NaN, infinite or enormous"
        if value < 0 and not signed:
            return "the number is below zero"
    return ""
