"""A stranger's source that waits by `io.wait`, as the contract has it, looks again when something was done to it."""

from __future__ import annotations

import foh_projector
import pytest
from foh_projector import backend

from backends.testing.stage import staged
from tests.projector.server import projector


async def test_an_action_is_seen_to_work_however_seldom_its_source_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(foh_projector, "POLL", 3600.0)
    async with projector() as device:
        section = {"endpoints": [f"127.0.0.1:{device.port}"]}
        async with staged(backend, section, "projector") as run:
            (before,) = run.resources.values()
            offer = before.offer("power-off")
            assert offer
            assert await run.run(await run.plan(offer, {})) == (True, "done: lamp off")
            (after,) = run.resources.values()
            assert (before.power, after.power) == ("on", "off")  # type: ignore[attr-defined]
