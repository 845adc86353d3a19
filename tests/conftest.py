"""Which tests run alone: those that start real servers and measure how soon something is seen, and those that read a
terminal as a person would."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("foh", deadline=None, database=None)  # a slow machine is no failure; nothing is kept
settings.load_profile("foh")

ALONE = {"integration", "test_ending.py", "test_hostile.py", "test_typing.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if ALONE & set(item.path.relative_to(Path(__file__).parent).parts):
            item.add_marker("alone")
