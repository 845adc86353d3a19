"""How a kind is declared: once, beside the types of its fields."""

from __future__ import annotations

from typing import Annotated

import pytest

from backends.audio.mopidy.zone import MOPIDY_ZONE, MopidyZone
from backends.contract import KindSpec, Resource, Role, Unknown
from backends.declare import field, kind, linked, own_fields, variant
from backends.kinds import SOURCE, ZONE
from tests.backends.kinds_in_use import KINDS


class Lamp(Resource, frozen=True, kw_only=True, tag="lamp"):
    """A kind of a stranger's backend."""

    hours: Annotated[float | Unknown, field("burned", "h")] = Unknown()
    power: Annotated[str | Unknown, field("power", role=Role.STATE, rank=0)] = Unknown()
    internal: int | Unknown = Unknown()


class ColourLamp(Lamp, frozen=True, kw_only=True, tag="colour-lamp"):
    """One that another backend brings."""

    colour: Annotated[str | Unknown, field("colour")] = Unknown()


LAMP = kind(Lamp, "lamp", "lamps", "capture", linked=(linked("fed-by", "state", field("fuse", role=Role.STATE)),))


def test_columns_come_first_then_what_is_at_the_other_end_of_a_link_then_details() -> None:
    assert [(each.via, each.name, each.label) for each in LAMP.fields] == [
        ("", "power", "power"), ("fed-by", "state", "fuse"), ("", "hours", "burned"),
    ]  # fmt: skip
    assert (LAMP.kind, LAMP.tag, LAMP.resource) == ("lamp", "lamp", Lamp)


def test_a_variant_is_of_the_same_kind_and_has_further_fields() -> None:
    colour = variant(LAMP, ColourLamp)
    assert (colour.kind, colour.tag, colour.resource) == ("lamp", "colour-lamp", ColourLamp)
    assert [each.name for each in colour.fields] == ["power", "state", "hours", "colour"]
    assert (MOPIDY_ZONE.kind, MOPIDY_ZONE.resource) == (ZONE.kind, MopidyZone)


@pytest.mark.parametrize("spec", [*KINDS, SOURCE], ids=lambda spec: spec.tag)
def test_a_builtin_kind_declares_fields_that_it_has_and_actions_that_somebody_offers(spec: KindSpec) -> None:
    names = {each.name for each in spec.fields if not each.via}
    assert names <= set(own_fields(spec.resource))
    assert all(each.of in names for each in spec.fields if each.of)
    assert spec.in_use is None or spec.in_use.field in names
    assert len({each.label for each in spec.fields}) == len(spec.fields)
