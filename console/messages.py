"""What a screen asks of the application: messages that bubble up to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from backends.contract import Id
    from console.venue.incidents import Key


class Open(Message):
    """Show everything about a resource or an incident."""

    def __init__(self, key: Id | Key) -> None:
        super().__init__()
        self.key = key


class Act(Message):
    """Plan an action for these resources, and ask."""

    def __init__(self, targets: Sequence[Id], action: str) -> None:
        super().__init__()
        self.targets, self.action = targets, action
