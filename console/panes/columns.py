"""Which fields of a kind fit a width, and where. Pure: by role and rank, never by kind."""

from __future__ import annotations

from msgspec import Struct

from backends.contract import FieldSpec, KindSpec, Role

MARK, GAP, NAME_LEAST, NAME_MOST = 2, 1, 8, 16


class Column(Struct, frozen=True):
    """A field and the cells it has."""

    spec: FieldSpec
    width: int


class Layout(Struct, frozen=True):
    """The name's width and the columns after it."""

    name: int
    columns: tuple[Column, ...]


def layout(kind: KindSpec, width: int, longest_name: int) -> Layout:
    """Takes fields by rank while they fit, then gives what is left to the text columns."""
    name = max(NAME_LEAST, min(NAME_MOST, longest_name, width // 3))
    room = width - MARK - name
    chosen: list[FieldSpec] = []
    shown = [field for field in kind.fields if field.role is not Role.DETAIL]
    for field in sorted(shown, key=lambda field: field.rank):
        if field.width + GAP <= room:
            chosen.append(field)
            room -= field.width + GAP
    texts = [field for field in chosen if field.role is Role.TEXT]
    columns = []
    for field in kind.fields:
        if field in chosen:
            extra = room // len(texts) if field in texts else 0
            if field in texts and field is texts[0]:
                extra += room % len(texts)
            columns.append(Column(field, field.width + extra))
    return Layout(name, tuple(columns))
