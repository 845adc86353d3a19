"""How a run ended, and how what is observed then compares with what was expected (backends/expect.py)."""

from __future__ import annotations

from msgspec import Struct, structs

from backends.expect import basis as basis
from backends.expect import met as met
from backends.expect import miss as miss


class Outcome(Struct, frozen=True):
    """How an action ended. `ok` only if everything expected was observed."""

    ok: bool
    text: str
    at: float = 0.0  # when the last of what was expected had been observed
    word: str = ""  # as the journal has it: done, failed, unknown; or going, where this process does not wait for it

    def __post_init__(self) -> None:
        if not self.word:
            structs.force_setattr(self, "word", "done" if self.ok else "failed")
