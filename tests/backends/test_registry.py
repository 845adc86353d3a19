"""A broken backend is a health, not a crash."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from backends import registry
from backends.contract import IO, State


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("raise ImportError('libfoo is missing')", "libfoo is missing"),
        ("1/0", "division by zero"),
        ("def (", "invalid syntax"),
        ("backend = 7", "is not a backends.contract.Backend"),
        ("", "backend"),
    ],
)
def test_a_broken_backend_is_a_health_and_the_others_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, text: str
) -> None:
    name = f"stranger_{abs(hash(module))}"
    (tmp_path / f"{name}.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    entries = [
        EntryPoint("broken", f"{name}:backend", registry.GROUP),
        EntryPoint("usb", "backends.hardware.usb:backend", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries)
    loaded, broken = registry.load_all()
    assert [backend.name for backend in loaded] == ["usb"]
    assert broken.keys() == {"broken"}
    assert broken["broken"].state is State.ABSENT
    assert text in broken["broken"].sentence


async def test_a_search_that_fails_or_hangs_is_a_health(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = registry.load("usb")

    async def fails(context: Any, io: IO) -> list[Any]:
        raise PermissionError("no")

    found, health = await registry.discover(structs.replace(backend, discover=fails), "h", {}, {})
    assert (list(found), health.state) == ([], State.DENIED)
