"""How long a whole test may take, by how fast this machine is in this run; and which tests stay together."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from tests.patience import A_TEST

settings.register_profile("foh", deadline=None, database=None)  # a slow machine is no failure; nothing is kept
settings.load_profile("foh")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell started this in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what tests start would ignore it as well

os.environ.setdefault("PYTEST_TIMEOUT", str(A_TEST))  # where pytest-timeout looks for it
# Each starts its system once for all of its tests: a venue, an LXD, a systemd, a voctocore, a Mopidy.
TOGETHER = {"test_venue.py", "test_lxd.py", "test_restart.py", "test_voctomix.py", "test_mopidy.py"}


@pytest.hookimpl(tryfirst=True)  # before xdist's own, which reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: a worker that is left with one of them at the end would be waited for."""
    for item in items:
        if item.path.parent.name == "integration" and item.path.name in TOGETHER:
            item.add_marker(pytest.mark.xdist_group(item.path.name))
    items.sort(key=lambda item: FIRST.index(_kind(item)))


FIRST = ("test_venue.py", "test_hostile.py", "integration", "")


def _kind(item: pytest.Item) -> str:
    return next(each for each in FIRST if not each or each in (item.path.name, Path(item.path).parent.name))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests that share a system are run by one worker, or each worker would start all of it."""
    group = item.get_closest_marker("xdist_group")
    if group and "PYTEST_XDIST_WORKER" in os.environ:
        assert item.nodeid.endswith(f"@{group.args[0]}"), "run it with --dist loadgroup"
