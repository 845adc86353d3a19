from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from backends.contract import Id, Refused, Unknown
from backends.hardware import boards, power
from backends.kinds import Board
from tests.backends.hardware.tree import tree

HELD, DOUBT = boards.HELD, Unknown()


@pytest.mark.parametrize(
    ("policy", "status", "hid", "wakeup", "delay", "sleep", "awake"),
    [
        ("on", "active", HELD, "none", 2000, "", "kept awake already"),
        ("auto", "suspended", HELD, "none", 2000, "asleep already", ""),
        ("auto", "active", HELD, "none", 2000, "", ""),
        ("auto", "active", HELD, "disabled", 2000, "may sleep already", ""),
        ("auto", "active", "released", "none", 2000, "may sleep already", ""),
        ("auto", "active", "released", "none", -1, "", ""),
        (DOUBT, "active", HELD, "none", 2000, "not known", "not known"),
    ],
)
def test_offers_only_what_would_change_something(
    policy: Any, status: str, hid: str, wakeup: str, delay: int, sleep: str, awake: str
) -> None:
    board = Board(
        id=Id("h", "board", "1-1"), name="1-1", policy=policy, power=status, hid=hid, wakeup=wakeup, delay=delay
    )
    let, keep = power.offers(board, "")
    for offer, reason in ((let, sleep), (keep, awake)):
        assert (reason in offer.blocked) if reason else offer.blocked == ""
        if reason:
            with pytest.raises(Refused, match=reason):
                power.plan(offer, {}, board, Path("/d"))
    assert all(offer.blocked for offer in power.offers(board, "needs root"))


def test_the_plan_says_what_it_does_and_what_must_be_seen(tmp_path: Path) -> None:
    device = tree(tmp_path)
    board = boards.board("h", "1-1.1", device, 0.0)
    assert board is not None
    let, _ = power.offers(board, "")
    plan = power.plan(let, {"delay": "500"}, board, device)
    assert [step.shell for step in plan.steps] == [
        f"echo 500 | sudo tee {device}/power/autosuspend_delay_ms && echo auto | sudo tee {device}/power/control",
        f"echo 0 | sudo tee {device}/1-1.1:1.2/authorized",
    ]
    assert [(e.field, e.wanted, e.within) for e in plan.expect] == [("power", "suspended", 5.5)]
    assert "keys" in plan.interrupts[0]
    released = structs.replace(board, hid="released")
    assert len(power.plan(let, {}, released, device).steps) == 1
    for delay in ("-1", "soon", "1e3", "99999999", "١"):
        with pytest.raises(Refused, match="ms"):
            power.plan(let, {"delay": delay}, board, device)
