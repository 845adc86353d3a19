"""The console on the embedded venue, driven through Textual's pilot."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from console.app import Foh
from console.embedded import Embedded
from console.session import open_session
from tests.patience import until_async


@contextlib.asynccontextmanager
async def console(
    size: tuple[int, int], state: Path, *, read_only: bool = False, still: bool = True
) -> AsyncIterator[tuple[Foh, Pilot[Any]]]:
    """The application after every source has said something and the rules have had their second look."""
    embedded = Embedded(still, {"FOH_STATE": str(state)})
    app = Foh(lambda: open_session(embedded.config), read_only)
    try:
        async with app.run_test(size=size) as pilot:
            await until_async(lambda: app.venue is not None and app.venue.complete)
            if still:
                await until_async(lambda: len(app.venue.incidents.open) >= 5 if app.venue else False)
            await until_async(lambda: not app._due and "reading" not in shown(app), seen=lambda: shown(app))
            await pilot.pause()
            yield app, pilot
    finally:
        embedded.close()


def shown(app: Foh) -> str:
    """What is on the screen, as text."""
    width, height = app.size
    lines = [["" for _ in range(width)] for _ in range(height)]
    for y, strip in enumerate(app.screen._compositor.render_strips()):
        lines[y] = [segment.text for segment in strip]
    return "\n".join("".join(line) for line in lines)
