"""A stranger's source that waits by `io.wait`, as the contract has it, looks again when something was done to it."""

from __future__ import annotations

from pathlib import Path

import foh_outside
import pytest
from foh_outside import backend

from tests.contract.running import running
from tests.outside.server import projector


async def test_an_action_is_seen_to_work_however_seldom_its_source_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foh_outside, "POLL", 3600.0)
    async with projector() as device:
        section = {"endpoints": [f"127.0.0.1:{device.port}"]}
        async with running(backend, section, "projector", tmp_path) as run:
            (before,) = run.resources.values()
            offer = before.offer("power-off")
            assert offer
            outcome = await run.operator.run(await run.operator.plan(offer, {}))
            assert outcome.text.startswith("done: lamp off"), outcome.text
            (after,) = run.resources.values()
            assert (before.power, after.power) == ("on", "off")  # type: ignore[attr-defined]
