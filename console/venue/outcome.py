"""How a run ended."""

from __future__ import annotations

from msgspec import Struct, structs


class Outcome(Struct, frozen=True):
    """How an action ended. `ok` only if everything expected was observed."""

    ok: bool
    text: str
    at: float = 0.0  # when the last of what was expected had been observed
    word: str = ""  # as the journal has it: done, failed, unknown; or going, where this process does not wait for it

    def __post_init__(self) -> None:
        if not self.word:
            structs.force_setattr(self, "word", "done" if self.ok else "failed")
