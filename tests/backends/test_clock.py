"""The clock does not step when somebody sets the wall clock."""

from __future__ import annotations

import time

import pytest

from backends.clock import MachineClock


@pytest.mark.parametrize("step", [-600.0, 3600.0])
def test_the_wall_clock_may_be_set_and_durations_stay_true(step: float, monkeypatch: pytest.MonkeyPatch) -> None:
    steady, wall = 1000.0, 1_764_000_000.0
    monkeypatch.setattr(time, "monotonic", lambda: steady)
    monkeypatch.setattr(time, "time", lambda: wall)
    clock = MachineClock()
    assert clock.now() == wall
    before = clock.now()
    steady, wall = steady + 5.0, wall + 5.0 + step
    assert clock.now() - before == 5.0
    assert clock.wall(clock.now()) == wall
    assert clock.wall(before) == wall - 5.0
