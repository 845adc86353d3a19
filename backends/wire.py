"""One format for everything that leaves this process: JSON lines to read, MessagePack to store.

A *frame* is `{"v": 1, "type": "observation", "body": {...}}`. Resources carry their kind in `type`, so that they come
back as the kind's own class. A kind that this side does not have comes back as a class made from its description, or
from the first resource seen of it: it has its name, its fields and its place in a pane.

A frame of a newer version is read as far as this side understands it: fields that it does not know are left out. One
that cannot be read at all becomes `Unread`, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, get_type_hints

import msgspec
from msgspec import Struct, defstruct, structs

from backends.contract import KindSpec, Observation, Offer, Plan, Resource, Step, Unknown, clean

VERSION = 1
MOST_KINDS = 500  # a peer must not make this side create classes without end
KIND = {name: hint for name, hint in get_type_hints(KindSpec).items() if name != "resource"}
BARE = frozenset(Resource.__struct_fields__)

Message: TypeAlias = Struct


class Kinds(Struct, frozen=True):
    """Descriptions of kinds. Precedes the resources of kinds that the other side may not have."""

    kinds: tuple[KindSpec, ...]


class Unread(Struct, frozen=True):
    """A frame that this side cannot read: its type, its version, and why."""

    type: str
    version: int
    why: str


TYPES: Mapping[str, type[Struct]] = {"observation": Observation, "offer": Offer, "plan": Plan, "step": Step}


class Wire:
    """Encodes and decodes frames. `types` are further types of frames, by name."""

    def __init__(self, kinds: Iterable[KindSpec] = (), types: Mapping[str, type[Struct]] = {}) -> None:
        self._types = {**TYPES, **types}
        self._names = {type: name for name, type in self._types.items()}
        self._classes: dict[str, type[Resource]] = {}
        self.learn(kinds)

    def learn(self, kinds: Iterable[KindSpec]) -> None:
        """Adds kinds whose resources are decoded into their own class."""
        self._classes.update((kind.tag, kind.resource) for kind in kinds)

    # --- out ------------------------------------------------------------------------------------------------

    def encode(self, message: Message) -> bytes:
        """One line of JSON, without its end. Raises TypeError for a message that has no frame type."""
        return msgspec.json.encode(self._frame(message))

    def pack(self, message: Message) -> bytes:
        """The same as MessagePack."""
        return msgspec.msgpack.encode(self._frame(message))

    def _frame(self, message: Message) -> dict[str, object]:
        if isinstance(message, Kinds):
            return {"v": VERSION, "type": "kinds", "body": [described(kind) for kind in message.kinds]}
        name = self._names.get(type(message))
        if name is None:
            raise TypeError(f"{type(message).__name__} is no frame")
        return {"v": VERSION, "type": name, "body": message}

    # --- in -------------------------------------------------------------------------------------------------

    def decode(self, line: bytes | str) -> Message:
        """The frame in one line of JSON. Raises ValueError if it is not a frame."""
        return self._message(msgspec.json.decode(line))

    def unpack(self, data: bytes) -> Message:
        """The same from MessagePack."""
        return self._message(msgspec.msgpack.decode(data))

    def _message(self, frame: object) -> Message:
        match frame:
            case {"v": int(version), "type": str(name), "body": body}:
                try:
                    return self._read(name, body)
                except (msgspec.ValidationError, KeyError, TypeError) as error:
                    newer = f"it is of version {version}, and this foh knows {VERSION}: " if version > VERSION else ""
                    return Unread(clean(name), version, clean(f"{newer}{error}"))
        raise ValueError("no frame: it has no version, type and body")

    def _read(self, name: str, body: Any) -> Message:
        if name == "kinds":
            kinds = Kinds(tuple(self._kind(each) for each in body))
            self.learn(kind for kind in kinds.kinds if kind.tag not in self._classes)
            return kinds
        if name not in self._types:
            raise KeyError(f"there are no frames of type {name}")
        if name == "observation":
            upserts = tuple(map(self._resource, body.get("upserts", ())))
            return structs.replace(msgspec.convert({**body, "upserts": ()}, Observation), upserts=upserts)
        return msgspec.convert(body, self._types[name])

    def _kind(self, body: dict[str, Any]) -> KindSpec:
        said = {name: msgspec.convert(value, KIND[name]) for name, value in body.items() if name in KIND}
        made = self._classes.get(said["tag"])
        made = made or stand_in(said["tag"], (field.name for field in said["fields"] if not field.via))
        return KindSpec(**said, resource=made)

    def _resource(self, body: dict[str, Any]) -> Resource:
        kind = body.get("type")
        if kind is None:
            return msgspec.convert(body, Resource)
        if kind not in self._classes:
            if len(self._classes) >= MOST_KINDS:
                raise TypeError(f"more than {MOST_KINDS} kinds")
            self._classes[kind] = stand_in(kind, (name for name in body if name != "type" and name not in BARE))
        made = self._classes[kind]
        if not issubclass(made, StandIn):
            return msgspec.convert(body, made)
        values = {name: _value(body[name]) for name in made.__struct_fields__ if name in body and name not in BARE}
        return structs.replace(msgspec.convert({**body, **dict.fromkeys(values)}, made), **values)


class StandIn(Resource, frozen=True, kw_only=True):
    """A resource of a kind that this side does not have."""


def stand_in(kind: str, fields: Iterable[str]) -> type[StandIn]:
    """A class with these fields; any value is accepted."""
    declared = [(name, Any, Unknown()) for name in dict.fromkeys(fields) if name.isidentifier() and name not in BARE]
    return defstruct(kind.title(), declared, bases=(StandIn,), tag=kind, frozen=True, kw_only=True)  # type: ignore[return-value]  # defstruct's type forgets its bases


def described(kind: KindSpec) -> dict[str, object]:
    """A kind without its class, which is not encoded."""
    return {name: getattr(kind, name) for name in KIND}


def _value(body: object) -> object:
    match body:
        case {"type": "unknown"}:
            return msgspec.convert(body, Unknown)
        case list():
            return tuple(body)
    return body
