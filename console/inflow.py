"""What a terminal sends, before it is parsed: as much of it as a person means. Pure.

Text that no finger types arrives where something is pasted into a terminal that does not mark it: letters are commands
here, and a million of them would be a million key presses.
"""

from __future__ import annotations

import re

FINGERS = 64  # characters at once, without an escape sequence: more than that was not typed
MOST = 65_536  # characters of what is pasted at once; the rest is dropped
START, END = "\x1b[200~", "\x1b[201~"  # around what is pasted, where the terminal marks it
_BURST = re.compile(rf"\x1b[\[O][0-?]*[ -/]*[@-~]|([^\x1b]{{{FINGERS}}})")  # a key's sequence, or what nobody types
_MOVES = re.compile(r"(?:\x1b\[<(?:3[2-9]|[45]\d|6[0-3]);\d{1,6};\d{1,6}[Mm])+")


class Inflow:
    """Separates what was pasted from what was typed."""

    def __init__(self) -> None:
        self._burst = ""
        self._marked = False  # inside what the terminal marks as pasted
        self._passed = 0  # characters of that which were passed on
        self._held = ""  # the beginning of END, perhaps
        self._tail = ""  # the end of what was passed on: START may have begun there

    @property
    def is_burst(self) -> bool:
        """Whether unmarked text is arriving that nobody types: everything is part of it until the line is quiet."""
        return bool(self._burst)

    def feed(self, text: str) -> str:
        """What is to be parsed of it."""
        if self._burst:
            self._burst += text[: MOST - len(self._burst)]
            return ""
        out, text, self._held = "", self._held + text, ""
        while text:
            passed, text = self._inside(text) if self._marked else self._outside(text)
            out += passed
        return _MOVES.sub(lambda moves: moves[0][moves[0].rindex("\x1b") :], out)

    def quiet(self) -> str:
        """The line has been quiet for a moment: the burst that it ends."""
        burst, self._burst = self._burst, ""
        return burst

    def _outside(self, text: str) -> tuple[str, str]:
        begun = (self._tail + text).find(START)
        end = len(text) if begun < 0 else begun + len(START) - len(self._tail)
        self._tail = (self._tail + text)[-len(START) + 1 :]
        if burst := next((found for found in _BURST.finditer(text, 0, end) if found[1]), None):
            self._burst, self._tail = text[burst.start() :][:MOST], ""
            return text[: burst.start()], ""
        if begun >= 0:
            self._marked, self._passed, self._tail = True, 0, ""
        return text[:end], text[end:]

    def _inside(self, text: str) -> tuple[str, str]:
        end = text.find(END)
        if end < 0:
            half = next((n for n in range(len(END) - 1, 0, -1) if text.endswith(END[:n])), 0)
            text, self._held = text[: len(text) - half], text[len(text) - half :]
        pasted = text if end < 0 else text[:end]
        pasted = pasted[: MOST - self._passed]
        self._passed += len(pasted)
        if end < 0:
            return pasted, ""
        self._marked = False
        return pasted + END, text[end + len(END) :]
