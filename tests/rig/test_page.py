"""docs/hardware.md says which drill shows a thing: each of these is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_drill_that_the_page_names_is_there() -> None:
    page = (ROOT / "docs/hardware.md").read_text()
    named = set(re.findall(r"`(?:\w+/)?(?:test_\w+\.py::)?(test_\w+)`", page))
    drills = "\n".join(file.read_text() for file in (ROOT / "tests/rig/drills").rglob("test_*.py"))
    assert len(named) > 20
    assert [name for name in sorted(named) if f"def {name}(" not in drills] == []
