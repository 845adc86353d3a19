"""What stands in for the journal where it cannot be written and the operator wants a run all the same: its entries are
kept in memory and written when there is room. Nobody else sees such a run, and nobody can cancel or resume it."""

from __future__ import annotations

from typing import Protocol

from console.venue.journal import Entry, Journal

NOTE = (
    "the journal cannot be written, so this is not recorded, and no other console is kept from acting at the same time"
)


class Book(Protocol):
    """Where a run writes what it does. Raises OSError."""

    async def step_begins(self, run: int, number: int, entry: Entry) -> bool: ...

    async def step_ends(self, run: int, number: int, at: float, *entries: Entry) -> None: ...

    async def cancelled_by(self, run: int) -> str: ...

    async def end(self, id: int, owner: str, outcome: str, text: str, entry: Entry) -> None: ...


class Unrecorded:
    """A Book in memory."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def step_begins(self, run: int, number: int, entry: Entry) -> bool:
        self._journal.keep(entry)
        return True

    async def step_ends(self, run: int, number: int, at: float, *entries: Entry) -> None:
        self._journal.keep(*entries)

    async def cancelled_by(self, run: int) -> str:
        return ""

    async def end(self, id: int, owner: str, outcome: str, text: str, entry: Entry) -> None:
        self._journal.keep(entry)
