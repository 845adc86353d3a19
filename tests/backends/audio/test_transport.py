"""What any player can be told to do: what is offered, what must follow, and what is refused. Tables, no I/O."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from backends.audio import transport
from backends.contract import Id, Refused, Test, Unknown, Why
from backends.kinds import Zone

BAR = Zone(id=Id("h", "zone", "bar"), name="bar", state="playing", queue=3, volume=40, track="#1 x")


def but(**changes: Any) -> Zone:
    return structs.replace(BAR, **changes)


@pytest.mark.parametrize(
    ("state", "no_mixer", "open_"),
    [
        ("playing", "", {"pause", "stop", "again", "next", "previous", "volume"}),
        ("paused", "", {"play", "stop", "next", "previous", "volume"}),
        ("stopped", "none", {"play"}),
        (Unknown(), "", {"play", "stop", "next", "previous", "volume"}),
    ],
)
def test_what_would_do_nothing_is_blocked(state: Any, no_mixer: str, open_: set[str]) -> None:
    assert {offer.action for offer in transport.offers(BAR.id, state, no_mixer) if not offer.blocked} == open_


@pytest.mark.parametrize(
    ("action", "zone", "wanted"),
    [
        ("play", but(state="paused"), "playing"),
        ("pause", BAR, "paused"),
        ("stop", BAR, "stopped"),
        ("play", BAR, None),
        ("play", but(state="stopped", queue=0), None),
        ("pause", but(state="stopped"), None),
        ("stop", but(state="stopped"), None),
    ],
)
def test_a_state_is_reached_or_refused(action: str, zone: Zone, wanted: str | None) -> None:
    if wanted is None:
        with pytest.raises(Refused):
            transport.expect_state(action, zone)
    else:
        assert transport.expect_state(action, zone).wanted == wanted


def test_a_track_must_begin_and_not_stay_at_its_beginning() -> None:
    said = [(each.field, each.wanted, each.test) for each in transport.expect_restart(but(tracks_begun=4))]
    assert said == [("tracks_begun", 4, Test.DIFFERS), ("position", 0, Test.DIFFERS)]
    for zone in (BAR, *(but(state=state, tracks_begun=4) for state in ("paused", "stopped", Unknown()))):
        with pytest.raises(Refused):
            transport.expect_restart(zone)


def test_another_track_must_follow() -> None:
    assert (transport.expect_skip(BAR).test, transport.expect_skip(BAR).wanted) == (Test.DIFFERS, "#1 x")


@pytest.mark.parametrize("percent", ["", "-1", "101", "4.5", "x", "\x1b[2J", "1e2", "40"])
def test_volumes_out_of_range_and_such_as_it_is_already_are_refused(percent: str) -> None:
    with pytest.raises(Refused, match=r"whole number from 0 to 100|already 40 %"):
        transport.volume({"percent": percent}, BAR)


def test_a_volume_is_set_where_there_is_one() -> None:
    wanted, expect = transport.volume({"percent": "33"}, BAR)
    assert (wanted, expect.field, expect.wanted) == (33, "volume", 33)
    with pytest.raises(Refused, match="no mixer"):
        transport.volume({"percent": "33"}, but(volume=Unknown(Why.NOT_APPLICABLE, "no mixer")))
