"""How resources of different backends find each other. Tables, no I/O."""

from __future__ import annotations

import pytest

from backends.contract import (
    Id,
    Key,
    Link,
    Observation,
    Resource,
)
from backends.kinds import Board, Pcm
from tests import fleet
from tests.console.rooms import AMP, BAR, CARD, HW, TO_CARD, venue, zone


def test_a_link_finds_whoever_publishes_the_key_and_says_when_nobody_or_several_do() -> None:
    pcm = Pcm(id=HW, name="bar", keys=(CARD,))
    other = Pcm(id=Id("h", "pcm", "other"), name="other", keys=(CARD,))
    state, resolver = venue(zone(links=(TO_CARD,)))
    assert resolver.resolve(TO_CARD).ids == ()
    assert "not found" in resolver.resolve(TO_CARD).says
    resolver.update(state.apply(Observation(upserts=(pcm,), source=fleet.source("alsa", "h"), at=1.0)))
    assert resolver.follow(state.current[BAR], "pcm") == HW
    assert list(resolver.back(HW, "pcm")) == [BAR]
    resolver.update(state.apply(Observation(upserts=(other,), source=fleet.source("alsa", "h"), at=1.0)))
    assert resolver.follow(state.current[BAR], "pcm") is None
    assert "ambiguous" in resolver.resolve(TO_CARD).says


def test_what_is_there_goes_before_what_is_gone_and_a_gone_end_is_still_found() -> None:
    owner = Link("pcm", Key("pcm-owner", "7", "h"), "owner")
    old = Pcm(id=Id("h", "pcm", "old"), name="old", keys=(owner.to,))
    new = Pcm(id=HW, name="bar", keys=(CARD,))
    state, resolver = venue(zone(links=(owner, TO_CARD)))
    resolver.update(state.apply(Observation(upserts=(old,), complete=True, source=fleet.source("alsa", "h"), at=1.0)))
    resolver.update(state.apply(Observation(complete=True, source=fleet.source("alsa", "h"), at=2.0)))
    assert resolver.follow(state.current[BAR], "pcm") == old.id
    resolver.update(state.apply(Observation(upserts=(new,), complete=True, source=fleet.source("alsa", "h"), at=3.0)))
    assert resolver.follow(state.current[BAR], "pcm") == HW


def test_a_chain_goes_on_to_its_end_and_never_in_circles() -> None:
    board = Board(
        id=AMP, name="amp", keys=(Key("usb-port", "1-1", "h"),), links=(Link("x", Key("id", "zone/bar", "h")),)
    )
    pcm = Pcm(id=HW, name="bar", keys=(CARD,), links=(Link("board", Key("usb-port", "1-1", "h")),))
    state, resolver = venue(zone(links=(TO_CARD,)), board, pcm)
    assert resolver.chain(state.current[BAR]) == [HW, AMP]


@pytest.mark.parametrize(
    ("links", "needing"),
    [
        ({}, []),
        ({"zone": ["pcm"], "pcm": ["board"]}, ["pcm", "zone"]),
        ({"zone": ["pcm"], "hall": ["pcm"], "pcm": ["board"]}, ["hall", "pcm", "zone"]),
        ({"zone": ["board", "pcm"]}, ["zone"]),
        ({"board": ["pcm"], "pcm": ["board"]}, ["pcm"]),  # a circle
    ],
)
def test_what_needs_something_is_what_its_chain_leads_from(links: dict[str, list[str]], needing: list[str]) -> None:
    ids = {name: Id("h", name, name) for name in ("zone", "hall", "pcm", "board")}
    made = [
        Resource(id=id, name=name, links=tuple(Link(to, Key("id", f"{to}/{to}", "h")) for to in links.get(name, ())))
        for name, id in ids.items()
    ]
    state, resolver = venue(*made)
    assert [id.local for id in resolver.needing(ids["board"])] == needing
    chains = {name: resolver.chain(state.current[id]) for name, id in ids.items() if name != "board"}
    assert sorted(name for name, chain in chains.items() if ids["board"] in chain) == needing
