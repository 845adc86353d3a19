"""The console on the embedded venue, driven through Textual's pilot."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from console.app import Foh
from console.embedded import Embedded
from console.session import open_session


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Waits for a condition; AssertionError when it does not come true in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def console(
    size: tuple[int, int], state: Path, *, read_only: bool = False, still: bool = True
) -> AsyncIterator[tuple[Foh, Pilot[Any]]]:
    """The application after every source has said something and the rules have had their second look."""
    embedded = Embedded(still, {"FOH_STATE": str(state)})
    app = Foh(lambda: open_session(embedded.config), read_only)
    try:
        async with app.run_test(size=size) as pilot:
            await until(lambda: app.venue is not None and app.venue.complete)
            if still:
                await until(lambda: len(app.venue.incidents.open) >= 5 if app.venue else False)
            await pilot.pause(0.3)
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
