"""What goes over the wire comes back equal, whatever it holds; what is unknown here is read as far as it goes."""

from __future__ import annotations

import json
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct, structs

from backends import kinds as common
from backends.audio.mopidy.zone import MOPIDY_ZONE
from backends.contract import (
    Health,
    Id,
    InUse,
    KindSpec,
    Observation,
    Offer,
    Plan,
    Remedy,
    Resource,
    Role,
    Step,
    Unknown,
    Why,
)
from backends.declare import field, kind
from backends.wire import VERSION, Kinds, StandIn, Unread, Wire
from tests import fleet

KINDS = tuple(kind for kind in (*vars(common).values(), MOPIDY_ZONE) if isinstance(kind, KindSpec))
BOTH = (("encode", "decode"), ("pack", "unpack"))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)

st.register_type_strategy(float, NUMBERS)
st.register_type_strategy(int, st.integers(-(2**63), 2**63 - 1))  # what MessagePack can hold
WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
st.register_type_strategy(str, WORDS)
SCALARS = st.none() | WORDS | st.integers(-(2**63), 2**63 - 1) | NUMBERS | st.booleans() | st.lists(WORDS, max_size=3)


st.register_type_strategy(Unknown, st.builds(Unknown, st.sampled_from(list(Why)), WORDS, SCALARS))


def whole(type: type[Struct]) -> st.SearchStrategy[Struct]:
    """One with every field given, those with a default as well."""
    return st.builds(type, **{each.name: st.from_type(each.type) for each in structs.fields(type)})


st.register_type_strategy(Step, whole(Step))
st.register_type_strategy(Remedy, whole(Remedy))


def made(kind: KindSpec) -> st.SearchStrategy[Resource]:
    """A resource of which each field holds anything that its type allows."""
    fields = {field.name: st.from_type(field.type) for field in structs.fields(kind.resource) if field.name != "id"}
    return st.builds(kind.resource, id=st.builds(Id, WORDS, st.just(kind.kind), WORDS), **fields)


RESOURCES = st.sampled_from(KINDS).flatmap(made)


def there_and_back(message: Struct, wire: Wire) -> list[Struct]:
    return [getattr(wire, back)(getattr(wire, there)(message)) for there, back in BOTH]


@given(st.lists(RESOURCES, max_size=3))
def test_every_kind_comes_back_equal(resources: list[Resource]) -> None:
    said = Observation(upserts=tuple(resources), complete=True, source=fleet.source("s"), backend="b", seq=3, at=1.5)
    for back in there_and_back(said, Wire(KINDS)):
        assert back == said
        assert [type(each) for each in back.upserts] == [type(each) for each in resources]  # type: ignore[attr-defined]


def test_a_whole_venue_comes_back_equal() -> None:
    for said in fleet.fleet(300, 1.0):
        assert there_and_back(said, Wire(KINDS)) == [said, said]


ZONE = Id("h", "zone", "bar")


@pytest.mark.parametrize(
    "message",
    [
        Offer(ZONE, "play", "play"),
        Plan(Offer(ZONE, "play", "play"), {"a": "b"}, (), ()),
        Observation(Health(), gone=(ZONE,), left=True),
    ],
)
def test_other_frames_come_back_equal(message: Struct) -> None:
    assert there_and_back(message, Wire()) == [message, message]


def test_a_frame_has_its_version_and_its_type() -> None:
    frame = json.loads(Wire().encode(Offer(ZONE, "play", "play")))
    assert (frame["v"], frame["type"], set(frame)) == (VERSION, "offer", {"v", "type", "body"})


# --- what this side does not have -------------------------------------------------------------------------


class Lamp(Resource, frozen=True, kw_only=True, tag="lamp"):
    """A kind of a stranger's backend."""

    power: Annotated[str | Unknown, field("power", role=Role.STATE, rank=0)] = Unknown()
    hours: Annotated[float | Unknown, field("hours", "h")] = Unknown()
    colours: Annotated[tuple[str, ...] | Unknown, field("colours")] = Unknown()


LAMP = kind(Lamp, "lamp", "lamps", "capture", in_use=InUse("power", "{name} is lit"), alarming=("broken",))
SEEN = Lamp(id=Id("h", "lamp", "1"), name="spot", power="on", colours=("red", "blue"), at=2.0)


@pytest.mark.parametrize("described", [True, False])
def test_a_kind_that_is_not_here_keeps_its_name_its_fields_and_its_pane(described: bool) -> None:
    there, here = Wire((LAMP,)), Wire()
    if described:
        kinds = here.decode(there.encode(Kinds((LAMP,))))
        assert isinstance(kinds, Kinds)
        (kind,) = kinds.kinds
        assert structs.replace(kind, resource=Lamp) == LAMP
    said = here.decode(there.encode(Observation(upserts=(SEEN,))))
    assert isinstance(said, Observation)
    (lamp,) = said.upserts
    assert isinstance(lamp, StandIn)
    assert (lamp.id, lamp.name, lamp.at) == (SEEN.id, "spot", 2.0)
    assert (lamp.power, lamp.colours, lamp.hours) == ("on", ("red", "blue"), Unknown())  # type: ignore[attr-defined]
    again = there.decode(here.encode(said))  # handed on, it is what it was
    assert again == Observation(upserts=(SEEN,))


def test_a_described_kind_that_is_here_keeps_its_class() -> None:
    kinds = Wire(KINDS).decode(Wire(KINDS).encode(Kinds(KINDS)))
    assert isinstance(kinds, Kinds)
    assert kinds.kinds == KINDS


def test_a_newer_frame_is_understood_as_far_as_it_goes() -> None:
    frame = json.loads(Wire().encode(Offer(ZONE, "play", "play")))
    frame["v"], frame["body"]["colour"] = VERSION + 1, "green"
    assert Wire().decode(json.dumps(frame)) == Offer(ZONE, "play", "play")
    frame["body"]["risk"] = "unheard-of"
    unread = Wire().decode(json.dumps(frame))
    assert isinstance(unread, Unread)
    assert (unread.type, unread.version) == ("offer", VERSION + 1)
    assert f"version {VERSION + 1}" in unread.why


@pytest.mark.parametrize("name", ["weather", "\x1b[31m"])
def test_a_frame_of_an_unknown_type_is_said_to_be_so(name: str) -> None:
    unread = Wire().decode(json.dumps({"v": 1, "type": name, "body": {}}))
    assert isinstance(unread, Unread)
    assert unread.type.isprintable()
    assert unread.why


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"{}", b'{"v": "1", "type": "offer", "body": {}}', b"nan", b"\xff"])
def test_what_is_no_frame_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Wire().decode(line)


def test_what_is_no_frame_is_not_sent() -> None:
    with pytest.raises(TypeError):
        Wire().encode(Unknown())
