from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backends.contract import Evidence, Expect, Id, Risk, Test, Unknown
from backends.hardware import bus, replug
from backends.hardware.boards import HELD, NO_RULE, RELEASED, RULE
from backends.kinds import Board
from backends.uevents import LOST, UEvent


@pytest.mark.parametrize(
    ("hid", "rule", "undoes"),
    [
        (HELD, NO_RULE, False), (HELD, RULE, False), (RELEASED, RULE, False), (RELEASED, NO_RULE, True),
        (RELEASED, Unknown(), True), (Unknown(), NO_RULE, False),
    ],
)  # fmt: skip
def test_the_plan_says_what_it_does_what_that_undoes_and_what_must_be_seen(hid: Any, rule: Any, undoes: bool) -> None:
    said = Evidence("authorized", "/d/authorized", 1.0, "1")
    board = Board(
        id=Id("h", "board", "1-1.1"), name="1-1.1", hid=hid, rule=rule, configured=4, evidence=(said,), at=1.0
    )
    offer = replug.offer(board, "")
    assert (offer.risk, offer.blocked) == (Risk.DISRUPTIVE, "")
    plan = replug.plan(offer, board, Path("/d"))
    (step,) = plan.steps
    assert step.shell == "sudo sh -c 'echo 0 >/d/authorized; sleep 0.5; echo 1 >/d/authorized'"
    assert plan.interrupts == ((replug.CARD, replug.KEYS) if undoes else (replug.CARD,))
    assert plan.expect == (Expect(board.id, "configured", 4, 5.0, Test.DIFFERS),)
    assert [(each.what, each.raw) for each in plan.based_on] == [("authorized", "1"), ("times configured", "4")]
    assert [each.argv for each in replug.operations(board, Path("/d"))] == [("usb-replug", "1-1.1")]


def test_who_may_not_is_told_so() -> None:
    assert replug.offer(Board(id=Id("h", "board", "1-1"), name="1-1"), "needs root").blocked == "needs root"


@pytest.mark.parametrize(
    ("events", "counted"),
    [
        ([], {}),
        ([("add", "usb", "1-1.1:1.0"), ("add", "usb", "1-1.1:1.1"), ("add", "usb", "1-1.1:1.2")], {"1-1.1": 1}),
        ([("add", "usb", "1-1.1"), ("bind", "usb", "1-1.1:1.0"), ("remove", "usb", "1-1.1:1.0")], {}),
        ([("add", "usb", "2-1:2.0"), ("add", "usb", "1-1:1.0"), ("add", "usb", "2-1:1.0")], {"2-1": 2, "1-1": 1}),
        ([("add", "sound", "1-1:1.0"), ("add", "usb", "1-1:1.10"), ("add", "usb", "1-1:1.0:x")], {}),
        ([(LOST, "", "")], {}),
    ],
)
def test_a_device_is_counted_as_configured_when_its_first_interface_is_added(
    events: list[tuple[str, str, str]], counted: dict[str, int]
) -> None:
    assert bus.configured(UEvent(*event) for event in events) == counted


@pytest.mark.parametrize(
    ("events", "ports"),
    [
        ([], set()),
        ([("unbind", "usb", "1-1.1:1.0"), ("remove", "usb", "1-1.1:1.0"), ("remove", "usb", "1-1.1")], {"1-1.1"}),
        ([("remove", "usb", "1-1.1:1.0")], set()),
        ([("remove", "usb", "1-1.1"), ("unbind", "usb", "1-1.1"), ("remove", "usb", "2-1")], {"1-1.1", "2-1"}),
        ([("remove", "usb", "1-1.1"), ("add", "usb", "1-1.1"), ("bind", "usb", "1-1.1")], set()),
        ([("add", "usb", "1-1.1"), ("remove", "usb", "1-1.1")], {"1-1.1"}),
        ([("remove", "sound", "card1")], set()),
        ([(LOST, "", "")], set()),
    ],
)
def test_a_device_has_left_whose_last_word_was_that_it_is_removed(
    events: list[tuple[str, str, str]], ports: set[str]
) -> None:
    assert bus.left(UEvent(*event) for event in events) == ports
