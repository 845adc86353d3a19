"""The LXD source, as far as it goes without an LXD."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from backends.containers import lxd, lxd_reader
from backends.containers.lxd import LxdSource
from backends.runtime import SourceIO


async def test_a_slow_machine_may_import_longer_than_an_lxd_may_think(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(lxd, "READ", 0.05)
    monkeypatch.setattr(lxd_reader, "load", lambda: time.sleep(0.3))
    io = SourceIO("lxd")
    try:
        with pytest.raises(FileNotFoundError):
            await anext(LxdSource("h", str(tmp_path / "nothing")).watch(io))
    finally:
        io.close()
