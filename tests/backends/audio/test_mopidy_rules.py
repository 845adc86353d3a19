"""Rivals for a port, which zones share a streaming account, and that no secret is told. Tables, no I/O."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from backends.audio.accounts import accounts, sharers
from backends.audio.mopidy.players import RIVAL, ListedPlayer, neighbours
from backends.audio.mopidy.rules import account_taken, superseded, who_shares
from backends.audio.mopidy.zone import MopidyZone
from backends.contract import Evidence, Gone, Id, Key, Offer, Resource, Severity, Unknown, Why
from tests.backends.worlds import FakeView

SPOTIFY = {"username": "House@venue.example", "password": "hunter2", "client_secret": "s3cret"}
SALT = b"this machine"


def test_an_account_is_a_service_and_a_mark_that_gives_nothing_away() -> None:
    found = accounts(
        [("spotify", SPOTIFY), ("soundcloud", {"auth_token": "3-1234-tok"}), ("http", {"user": "x"})], SALT
    )
    assert [each.partition(" ")[0] for each in found] == ["soundcloud", "spotify"]
    for secret in ("hunter2", "s3cret", "tok", "house"):
        assert secret not in " ".join(found).casefold()


def test_the_mark_is_the_accounts_and_the_machines() -> None:
    (mark,) = accounts([("spotify", SPOTIFY)], SALT)
    assert accounts([("spotify", {"username": "house@venue.example ", "password": "other"})], SALT) == (mark,)
    for other in (
        accounts([("spotify", {"username": "bar@venue.example"})], SALT),
        accounts([("spotify", SPOTIFY)], b"y"),
    ):
        assert other != (mark,)
    assert accounts([("tidal", SPOTIFY)], SALT)[0].split()[1] != mark.split()[1]


@pytest.mark.parametrize("section", [{}, {"username": ""}, SPOTIFY | {"enabled": "false"}, {"bitrate": "320"}])
def test_a_section_without_an_account_has_none(section: dict[str, str]) -> None:
    assert accounts([("spotify", section)], SALT) == ()


def test_who_has_the_same_account() -> None:
    others = {"b": ("spotify 1",), "a": ("spotify 1", "tidal 2"), "c": ("spotify 3",), "d": ("spotify 1",)}
    assert sharers("b", others) == {"spotify 1": ["a", "b", "d"]}
    assert sharers("a", others) == {"spotify 1": ["a", "b", "d"]}
    assert sharers("c", others) == {}
    assert sharers("gone", others) == {}


def test_all_who_share_one_find_each_other_through_the_first() -> None:
    here = [
        ListedPlayer(1, "h:1", 0, ("spotify 1",)), ListedPlayer(2, "h:2", 0, ("spotify 1",)),
        ListedPlayer(3, "h:3", 0, ("tidal 2",)), ListedPlayer(4, "h:4", 0, Unknown(Why.DENIED)),
    ]  # fmt: skip
    first, second, third, fourth = (neighbours(here, Id("v", "zone", f"h:{n}"), n) for n in (1, 2, 3, 4))
    assert first.links == third.links == fourth.links == ()
    (link,) = second.links
    assert (link.relation, link.to) == ("account spotify 1", Key("tcp", "h:1", "v"))
    assert third.accounts == ("tidal 2",)
    assert isinstance(fourth.accounts, Unknown)
    assert isinstance(neighbours(here, Id("v", "zone", "h:9"), 9).accounts, Unknown)


def test_who_was_started_for_a_port_and_does_not_have_it_is_the_latest_of_them() -> None:
    here = [
        ListedPlayer(1, "h:1", 10),
        ListedPlayer(2, "h:1", 30),
        ListedPlayer(3, "h:1", 20),
        ListedPlayer(4, "h:2", 40),
    ]
    rivals = [neighbours(here, Id("v", "zone", "h:1"), pid).rival for pid in (1, 2, 4)]
    assert [rival.pid if rival else None for rival in rivals] == [2, 3, 2]
    assert neighbours(here, Id("v", "zone", "h:2"), 4).rival is None


def zone(name: str, state: str, track: str = "#1 spotify:track:x", jumps: int = 1) -> MopidyZone:
    return MopidyZone(
        id=Id("h", "zone", name), name=name, state=state, track=track, jumps=jumps, accounts=("spotify 1",)
    )


BAR, FOYER = zone("bar", "paused"), zone("foyer", "playing")
ONE = "account spotify 1"


def world(bar: Any, foyer: Any, stopped: float = 5.0, began: float = 5.5) -> FakeView:
    """The bar was playing until `stopped` seconds ago, the foyer began `began` seconds ago; it links to the bar."""
    past: dict[Id, list[tuple[float, Resource]]] = {
        bar.id: [(stopped, bar), (60, structs.replace(bar, state="playing"))],
        foyer.id: [(began, foyer), (60, structs.replace(foyer, state="stopped"))],
    }
    return FakeView(1000.0, {(foyer.id, ONE): bar}, {(bar.id, ONE): [foyer]}, past)


def test_a_zone_that_stops_as_another_begins_with_its_account_is_one_incident() -> None:
    (finding,) = account_taken(BAR, world(BAR, FOYER)).findings
    assert (finding.code, finding.severity, finding.about) == ("ZONE-ACCOUNT-TAKEN", Severity.WARN, BAR.id)
    assert finding.cause == "paused when foyer started to play: both use one spotify account (spotify 1)"
    assert finding.remedies[0].target == FOYER.id
    assert account_taken(FOYER, world(BAR, FOYER)).findings == ()


def test_nor_does_it_matter_which_of_them_is_the_first() -> None:
    foyer, bar = zone("bar", "playing"), zone("foyer", "paused")
    view = world(foyer, bar, stopped=5.5, began=5.0)
    view.past = {bar.id: [(5, bar), (60, structs.replace(bar, state="playing"))], foyer.id: [(5.5, foyer), (60, BAR)]}
    assert len(account_taken(bar, view).findings) == 1


@pytest.mark.parametrize(
    ("bar", "foyer", "stopped", "began"),
    [
        (structs.replace(BAR, state="stopped"), FOYER, 5.0, 5.5),  # somebody has stopped it
        (BAR, FOYER, 5.0, 30.0),  # long before
        (BAR, zone("foyer", "paused"), 5.0, 5.0),
        (BAR, zone("foyer", "playing", "#1 file:///x"), 5.0, 5.0),
        (zone("bar", "paused", "#1 file:///x"), FOYER, 5.0, 5.0),
        (zone("bar", "playing"), FOYER, 5.0, 5.0),
        (structs.replace(BAR, accounts=("spotify 2",)), FOYER, 5.0, 5.0),
        (structs.replace(BAR, accounts=Unknown(Why.DENIED)), FOYER, 5.0, 5.0),
    ],
)
def test_otherwise_nothing_is_said(bar: MopidyZone, foyer: MopidyZone, stopped: float, began: float) -> None:
    assert account_taken(bar, world(bar, foyer, stopped, began)).findings == ()


def test_what_was_never_seen_playing_and_what_is_gone_are_not_judged() -> None:
    view = world(BAR, FOYER)
    view.past[BAR.id] = [(60, BAR)]
    assert account_taken(BAR, view).findings == ()
    assert account_taken(Gone(BAR.id, BAR, 1.0), view).findings == ()


def test_who_shares_is_told_whether_anything_is_wrong_or_not() -> None:
    def told(of: MopidyZone, view: FakeView) -> list[str]:
        return [reason.text for reason in who_shares(of, view)]

    both = world(zone("bar", "playing"), FOYER)
    assert told(zone("bar", "playing"), both) == ["spotify 1, also of foyer: only one of them can play at a time"]
    assert told(FOYER, both) == ["spotify 1, also of bar: only one of them can play at a time"]
    assert told(BAR, FakeView()) == ["spotify 1, of no other zone here"]
    assert told(structs.replace(BAR, accounts=()), FakeView()) == ["it has no account"]
    assert "may not" in told(structs.replace(BAR, accounts=Unknown(Why.DENIED, "it may not")), FakeView())[0]


MEANT = Evidence(RIVAL, "/proc/9/cmdline", 999.0, "process 9, started 10:00:00, should listen at bar")


@pytest.mark.parametrize(
    ("rival", "seconds", "codes_", "undecided"),
    [
        (9, 60, ["ZONE-OLD-INSTANCE"], False),
        (9, 1, [], False),  # it may be starting, or ending
        (Unknown(Why.NOT_APPLICABLE), 60, [], False),
        (Unknown(), 60, [], True),
    ],
)
def test_an_old_instance_that_answers_is_named(rival: Any, seconds: float, codes_: list[str], undecided: bool) -> None:
    now = structs.replace(FOYER, rival=rival, pid=100, evidence=(MEANT,))
    verdict = superseded(now, FakeView(1000.0, {}, past={now.id: [(seconds, now), (60.0, FOYER)]}))
    assert ([each.code for each in verdict.findings], verdict.undecided) == (codes_, undecided)
    for finding in verdict.findings:
        assert MEANT in finding.evidence
        assert "process 100" in finding.cause


@pytest.mark.parametrize("offered", [True, False])
def test_a_restart_that_ends_both_can_be_pressed_where_it_is_offered(offered: bool) -> None:
    restart = Offer(FOYER.id, "restart", "restart mopidy@foyer.service")
    now = structs.replace(FOYER, rival=9, pid=100, offers=(restart,) if offered else ())
    (finding,) = superseded(now, FakeView(1000.0, {}, past={now.id: [(60.0, now)]})).findings
    assert [each.action for each in finding.remedies] == ["restart" if offered else ""]
