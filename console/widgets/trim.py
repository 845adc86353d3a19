"""Sends only the cells that were refreshed.

Textual's partial update sends every segment that touches a refreshed region (its own note says "TODO: crop to x
extents"), so one changed digit would send a whole line. This crops to the region.
"""

from __future__ import annotations

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate, CompositorUpdate


class Trimmed(CompositorUpdate):
    """A partial update, cropped to the cells that it is about."""

    def __init__(self, update: ChopsUpdate) -> None:
        self._update = update

    def render_segments(self, console: Console) -> str:
        out: list[str] = []
        for y, left, right in self._update.spans:
            for end, (x, strip) in zip(self._update.chop_ends[y], self._update.chops[y].items(), strict=False):
                if strip is None or x >= right or end <= left:
                    continue
                start = max(x, left)
                out.append(Control.move_to(start, y).segment.text)
                out.append(strip.crop(start - x, min(end, right) - x).render(console))
        return "".join(out)
