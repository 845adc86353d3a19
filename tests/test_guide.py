"""docs/backend.md is the whole package in tests/outside, and nothing else; docs/security.md says what tests prove."""

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


def test_each_line_of_the_security_page_names_tests_that_are_there() -> None:
    lines = [line for line in (ROOT / "docs/security.md").read_text().splitlines() if line.startswith("| ")]
    rows = [line for line in lines if not line.startswith("| what |")]
    assert len(rows) > 20
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py|\.ci/\w+\.lock|make [\w-]+)`", row.rpartition(" | ")[2])
        assert named, row
        assert all((ROOT / each).exists() for each in named if not each.startswith("make ")), row
