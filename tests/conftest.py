"""How long a whole test may take: by how fast this machine is in this run."""

from __future__ import annotations

import os

from hypothesis import settings

from tests.patience import A_TEST

settings.register_profile("foh", deadline=None, database=None)  # a slow machine is no failure; nothing is kept
settings.load_profile("foh")

os.environ.setdefault("PYTEST_TIMEOUT", str(A_TEST))  # where pytest-timeout looks for it
