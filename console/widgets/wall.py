"""The last wall against hostile text: a filter over every line that goes to the terminal."""

from __future__ import annotations

import re

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_ACTED_ON = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")


class Wall(LineFilter):
    """Drops what a terminal would act on, wherever it came from. What arrives here should hold none of it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if all(segment.text.isprintable() for segment in segments):
            return segments
        return [Segment(_ACTED_ON.sub("", text), style, control) for text, style, control in segments]
