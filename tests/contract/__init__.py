"""The contract suite: see `suite.py`. Outside backends may import it."""

import pytest

pytest.register_assert_rewrite(*(f"tests.contract.{name}" for name in ("suite", "checks", "acting", "running")))
