"""The LXD source, as far as it goes without an LXD."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.containers import lxd
from backends.containers.lxd import LxdSource
from backends.runtime import SourceIO
from tests.patience import POLL, elapse


async def test_a_slow_machine_may_import_longer_than_an_lxd_may_think(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(lxd, "READ", POLL)
    monkeypatch.setattr("backends.runtime.importlib.import_module", lambda name: elapse(4 * POLL))
    io = SourceIO("lxd")
    try:
        with pytest.raises(FileNotFoundError):
            await anext(LxdSource("h", str(tmp_path / "nothing")).watch(io))
    finally:
        io.close()
