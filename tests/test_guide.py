"""docs/backend.md is the whole package in tests/outside, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OUTSIDE = ROOT / "tests/outside"
BLOCKS = re.findall(r"^```(?:python|toml) (\S+)\n(.*?)^```$", (ROOT / "docs/backend.md").read_text(), re.M | re.S)


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


@pytest.mark.parametrize("file", sorted({file for file, _ in BLOCKS}))
def test_the_guide_has_each_file_whole(file: str) -> None:
    shown = "\n".join(block for name, block in BLOCKS if name == file)
    assert lines(shown) == lines((OUTSIDE / file).read_text())


def test_no_module_is_left_out() -> None:
    modules = {path.relative_to(OUTSIDE).as_posix() for path in OUTSIDE.glob("foh_snapcast/*.py")}
    assert modules <= {file for file, _ in BLOCKS}
