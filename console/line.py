"""A line of text as spans with named styles: what panes make and widgets paint. Imports no Textual."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeAlias, overload

from rich.cells import cell_len, set_cell_size

Span: TypeAlias = tuple[str, str]  # text, style name
Line: TypeAlias = tuple[Span, ...]
Row: TypeAlias = tuple[Hashable | None, Line]  # a row without a key is a heading


class Listing(Sequence[Row]):
    """Rows whose lines are formatted only when they are read."""

    def __init__(self, keys: Sequence[Hashable | None], line: Callable[[int], Line]) -> None:
        self.keys, self.line = keys, line

    @staticmethod
    def of(rows: Sequence[Row]) -> Listing:
        return rows if isinstance(rows, Listing) else Listing([key for key, _ in rows], lambda at: rows[at][1])

    def __len__(self) -> int:
        return len(self.keys)

    @overload
    def __getitem__(self, at: int) -> Row: ...

    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...

    def __getitem__(self, at: int | slice) -> Row | list[Row]:
        if isinstance(at, slice):
            return [self[each] for each in range(len(self))[at]]
        return self.keys[at], self.line(range(len(self))[at])

    def __iter__(self) -> Iterator[Row]:
        return (self[at] for at in range(len(self)))


def fit(text: str, width: int) -> str:
    """Text cut or padded to exactly so many cells; what is cut ends in `…`."""
    if text.isascii():
        return text.ljust(width) if len(text) <= width else text[: max(0, width - 1)] + "…" * (width > 0)
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, max(0, width - 1)) + "…" * (width > 0)


def plain(line: Line) -> str:
    return "".join(text for text, _ in line)


def difference(old: Line, new: Line) -> tuple[int, int] | None:
    """The first and one past the last cell in which two lines differ; None if they are the same."""
    if old == new:
        return None
    before, after = _cells(old), _cells(new)
    if before is None or after is None or len(before) != len(after):
        return (0, 10_000)
    differing = [index for index, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    return (differing[0], differing[-1] + 1) if differing else None


def _cells(line: Line) -> list[tuple[str, str]] | None:
    """One entry a cell; None where a character is wider or narrower than a cell."""
    if not all(text.isascii() or cell_len(text) == len(text) for text, _ in line):
        return None
    return [(char, style) for text, style in line for char in text]
