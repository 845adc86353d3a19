"""A wait that is cancelled ends, whatever else comes true in the same turn of the event loop.

`asyncio.wait_for` of Python 3.11 returns the result of what was waited for instead (bpo-37658), and the cancellation,
such as a deadline around a loop that waits, is lost for good. `asyncio.timeout` does not lose it.
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from backends.contract import Id
from backends.runtime import Runtime, SourceIO
from backends.testing.stage import HOST, Stage
from console.venue.site import Site
from tests.patience import NEVER, limit

ROOT = Path(__file__).parent.parent
LOSES_IT = "asyncio.wait_for"
Waiting = tuple[Callable[[], Awaitable[object]], Callable[[], object]]  # what waits, and what gives it its news


def of_a_stage() -> Waiting:
    stage = Stage(Runtime(), Id(HOST, "source", "one"))

    def tell() -> None:
        stage._news.set()
        stage._news.clear()

    return lambda: stage.changed(NEVER), tell


def of_a_site() -> Waiting:
    site = cast(Site, SimpleNamespace(_pulse=asyncio.Event()))
    return lambda: Site.changed(site, NEVER), lambda: Site.tell_changed(site)


def of_a_source() -> Waiting:
    io = SourceIO("one")
    return lambda: io.wait(NEVER), io.touch


def of_a_source_that_has_news() -> Waiting:
    io, news = SourceIO("one"), asyncio.Event()

    def tell() -> None:
        news.set()
        news.clear()

    return lambda: io.wait(NEVER, news.wait()), tell


@pytest.mark.parametrize("turns", range(8))
@pytest.mark.parametrize("make", [of_a_stage, of_a_site, of_a_source, of_a_source_that_has_news])
async def test_a_cancellation_is_not_lost_among_news(make: Callable[[], Waiting], turns: int) -> None:
    wait, tell = make()

    async def forever() -> None:
        while True:
            await wait()

    task = asyncio.create_task(forever())
    for _ in range(8):
        await asyncio.sleep(0)
    tell()
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    async with limit():
        await asyncio.wait({task})
    assert task.cancelled()


def calls(source: str, function: str) -> list[int]:
    """The lines of a module in which it is called."""
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [call.lineno for call in found if ast.unparse(call.func) == function]


def test_nothing_calls_what_loses_it() -> None:
    paths = [path for folder in ("backends", "console", "tests") for path in sorted((ROOT / folder).rglob("*.py"))]
    found = {str(path.relative_to(ROOT)): lines for path in paths if (lines := calls(path.read_text(), LOSES_IT))}
    assert found == {}, "use asyncio.timeout"
    assert calls("await asyncio.wait_for(event.wait(), 1)", LOSES_IT) == [1]
