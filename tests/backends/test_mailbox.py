"""What is left of many observations when nobody has taken them: as much as one after the other would have told."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from backends.contract import Health, Id, Observation, State
from backends.kinds import ZONE, Zone
from backends.mailbox import Mailbox, merge
from console.venue.state import VenueState

SOURCE = Id("h", "source", "s")
NAMES = ("a", "b", "c")


def zone(name: str, volume: int) -> Zone:
    return Zone(id=Id("h", "zone", name), name=name, volume=volume)


def observation(volumes: dict[str, int], gone: set[str], complete: bool) -> Observation:
    lost = tuple(Id("h", "zone", name) for name in sorted(gone - volumes.keys()))
    return Observation(
        upserts=tuple(zone(name, volume) for name, volume in volumes.items()), gone=lost, complete=complete,
        source=SOURCE, at=1.0,
    )  # fmt: skip


SAID = st.builds(
    observation,
    st.dictionaries(st.sampled_from(NAMES), st.integers(0, 3)),
    st.sets(st.sampled_from(NAMES)),
    st.booleans(),
)


def known_after(*said: Observation) -> tuple[dict[Id, object], set[Id]]:
    state = VenueState("h")
    state.add_kinds((ZONE,))
    for each in said:
        state.apply(each)
    there = {id: resource for id, resource in state.current.items() if id.kind == "zone"}
    return there, set(state.gone)


@given(SAID, SAID, SAID)
def test_merged_observations_tell_what_they_tell_one_by_one(
    first: Observation, old: Observation, new: Observation
) -> None:
    there, gone = known_after(first, old, new)
    merged_there, merged_gone = known_after(first, merge(old, new))
    assert merged_there == there
    assert merged_gone <= gone  # what came and went unseen was never there


def news(box: Mailbox) -> list[Observation]:
    return asyncio.run(box.take())


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (["ok"], ["ok"]),
        (["ok", "ok"], ["ok"]),
        (["ok", "hung"], ["ok", "hung"]),
        (["ok", "hung", "refused"], ["ok", "refused"]),
        (["hung", "ok"], ["ok"]),
        (["ok", "hung", "ok", "hung"], ["ok", "hung"]),
        (["ok", "left"], ["ok", "left"]),
    ],
)
def test_what_is_wrong_now_is_told_after_what_was_well(said: list[str], left: list[str]) -> None:
    box = Mailbox()
    for word in said:
        health = Health() if word == "left" else Health(State(word))
        box.post(Observation(health, source=SOURCE, left=word == "left"))
    assert ["left" if each.left else each.health.state.value for each in news(box)] == left


def test_it_holds_no_more_for_a_million_observations_than_for_two() -> None:
    box, one = Mailbox(), observation({"a": 1}, set(), False)
    for volume in range(1000):
        box.post(structs.replace(one, upserts=(zone("a", volume),)))
    assert box.holds(SOURCE)
    (left,) = news(box)
    assert left.upserts == (zone("a", 999),)
    assert not box.holds(SOURCE)
