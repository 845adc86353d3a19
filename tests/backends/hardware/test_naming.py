"""A card's name by its port: what is offered, planned, refused and written. Tables, no I/O."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from backends.contract import Id, Refused, Risk, Unknown, Why
from backends.hardware import naming
from backends.hardware.operation import to_file
from backends.helper import udev_rules
from backends.kinds import Board

AMP = Board(id=Id("h", "board", "1-1.2"), name="1-1.2", ids="08bb:27c5", card="DAC_1", named="none")
RULES = Path("/etc/udev/rules.d")
TAKEN = {"DAC": "card0", "DAC_1": "card1", "foyer": "card2"}
NO_CARD = Unknown(Why.NOT_APPLICABLE, "it has no sound card now")


def but(**changes: Any) -> Board:
    return structs.replace(AMP, **changes)


def planned(board: Board, action: str = naming.NAME, **args: str) -> Any:
    offer = next(offer for offer in naming.offers(board, "") if offer.action == action)
    return naming.plan(offer, args, board, RULES, TAKEN)


def argv(plan: Any, board: Board) -> tuple[str, ...]:
    (operation,) = naming.operations(plan.offer.action, plan.args, board, RULES)
    assert operation.step == plan.steps[0]
    return operation.argv


def test_a_name_is_given_now_and_by_a_rule_and_is_seen_in_both() -> None:
    plan = planned(AMP, name="bar")
    assert {(e.field, e.wanted) for e in plan.expect} == {("named", "bar"), ("card", "bar")}
    assert argv(plan, AMP) == ("usb-name-card", "1-1.2", "bar")
    assert (
        to_file(RULES / udev_rules.name_file("1-1.2"), *udev_rules.name_rule("1-1.2", "08bb:27c5", "bar").splitlines())
        in plan.steps[0].argv[-1]
    )
    assert plan.offer.risk is Risk.DISRUPTIVE
    assert "DAC_1" in plan.interrupts[0]
    assert naming.named(udev_rules.name_rule("1-1.2", "08bb:27c5", "bar")) == "bar"


def test_a_name_that_it_has_already_is_only_kept() -> None:
    plan = planned(but(card="bar"), name="bar")
    assert plan.interrupts == ()
    assert [e.field for e in plan.expect] == ["named", "card"]


def test_the_rule_is_taken_back() -> None:
    plan = planned(but(named="bar"), naming.UNNAME)
    assert argv(plan, but(named="bar")) == ("usb-unname-card", "1-1.2")
    assert plan.expect[0].wanted == naming.NO_NAME


@pytest.mark.parametrize("name", ["", "7", "a b", "a" * 16, "b\u0430r", 'a"', "a\n", "../x"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="1 to 15 letters"):
        planned(AMP, name=name)


@pytest.mark.parametrize(
    ("board", "action", "args", "words"),
    [
        (AMP, naming.NAME, {"name": "foyer"}, "card2 is called foyer now"),
        (but(card="bar", named="bar"), naming.NAME, {"name": "bar"}, "already"),
        (but(card=NO_CARD), naming.NAME, {"name": "bar"}, "no sound card"),
        (AMP, naming.UNNAME, {}, "no rule"),
    ],
)
def test_what_would_do_nothing_or_harm_is_refused(board: Board, action: str, args: Any, words: str) -> None:
    with pytest.raises(Refused, match=words):
        planned(board, action, **args)


@pytest.mark.parametrize(
    ("board", "access", "name", "unname"),
    [
        (AMP, "", "", "no rule"),
        (AMP, "needs foh's root helper", "needs", "no rule"),
        (but(named="bar"), "", "", ""),
        (but(card=NO_CARD), "", "no sound card", "no sound card"),
        (but(named=Unknown(Why.NOT_APPLICABLE, "no udev")), "", "no udev", "no udev"),
    ],
)
def test_an_offer_that_is_blocked_says_why(board: Board, access: str, name: str, unname: str) -> None:
    for offer, why in zip(naming.offers(board, access), (name, unname), strict=True):
        assert why in offer.blocked
        assert bool(offer.blocked) is bool(why)
