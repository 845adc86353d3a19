"""Drills on real kernel devices. They run in the rig's guest (`make rig`), never on the machine itself."""

import pytest

pytest.register_assert_rewrite(*(f"tests.rig.drills.{name}" for name in ("console", "undisturbed", "venue", "zones")))
