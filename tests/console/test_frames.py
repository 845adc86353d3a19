"""Plans, incidents and outcomes come back equal over the wire, whatever they hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from backends.contract import Plan, Step
from console.venue.frames import wire
from console.venue.incidents import Incident
from console.venue.outcome import Outcome
from tests.backends.test_wire import there_and_back, whole


@pytest.mark.parametrize("type", [Plan, Step, Incident, Outcome])
@given(data=st.data())
def test_every_frame_comes_back_equal(type: type[Struct], data: st.DataObject) -> None:
    message = data.draw(whole(type))
    assert there_and_back(message, wire()) == [message, message]
