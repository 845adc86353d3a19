"""How a kind is declared: each field once, beside its type, and the rest at the kind.

class Lamp(Resource, frozen=True, kw_only=True, tag="lamp"):
    power: Annotated[Text, field("power", role=Role.STATE, rank=0)] = Unknown()

LAMP = kind(Lamp, "lamp", "lamps", "capture", alarming=("broken",))
"""

from __future__ import annotations

from functools import cache
from typing import Any, get_type_hints

from msgspec import structs

from backends.contract import FieldSpec, KindSpec, Resource, Role


def field(
    label: str, unit: str = "", role: Role = Role.DETAIL, rank: int = 9, width: int = 8, *,
    heading: str = "", of: str = "", signed: bool = False,
) -> FieldSpec:  # fmt: skip
    """Declares a field beside its type: `volume: Annotated[Number, field("volume", "%", Role.MEASURE, rank=2)]`."""
    return FieldSpec("", label, unit, role, rank, width, heading, of, signed)


def linked(relation: str, name: str, spec: FieldSpec) -> FieldSpec:
    """A column that shows field `name` of the resource at the other end of a relation."""
    return structs.replace(spec, name=name, via=relation)


def kind(
    type: type[Resource], label: str, plural: str, pane: str = "", *, linked: tuple[FieldSpec, ...] = (), **rest: Any
) -> KindSpec:
    """Describes a kind by the class of its resources, whose tag is the kind's name. Columns from the other end of a
    link (`linked`) come after its own. `rest`: further fields of KindSpec."""
    own = declared(type)
    columns = tuple(each for each in own if each.role is not Role.DETAIL)
    details = tuple(each for each in own if each.role is Role.DETAIL)
    return KindSpec(_tag(type), label, plural, pane, type, (*columns, *linked, *details), _tag(type), **rest)


def variant(base: KindSpec, type: type[Resource], **rest: Any) -> KindSpec:
    """A kind for a subclass of the base kind's class; the subclass's fields are shown as details."""
    known = {each.name for each in base.fields if not each.via}
    further = tuple(each for each in declared(type) if each.name not in known)
    return structs.replace(base, resource=type, fields=(*base.fields, *further), tag=_tag(type), **rest)


@cache
def own_fields(type: type[Resource]) -> tuple[str, ...]:
    """The names of the fields that a kind adds to those of every resource."""
    return tuple(name for name in type.__struct_fields__ if name not in Resource.__struct_fields__)


def declared(type: type[Resource]) -> tuple[FieldSpec, ...]:
    """The fields that a class declares, in its order."""
    hints = get_type_hints(type, include_extras=True)
    specs = ((name, each) for name, hint in hints.items() for each in getattr(hint, "__metadata__", ()))
    return tuple(structs.replace(each, name=name) for name, each in specs if isinstance(each, FieldSpec))


def _tag(type: type[Resource]) -> str:
    return str(type.__struct_config__.tag)
