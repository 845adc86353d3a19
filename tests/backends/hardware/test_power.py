from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from backends.contract import Id, Refused, Unknown, Why
from backends.hardware import boards, power
from backends.hardware.boards import NO_RULE, RULE
from backends.hardware.device_reader import NOT_IDENTIFIED
from backends.hardware.operation import to_file
from backends.helper import udev_rules
from backends.helper.boards import Folders
from backends.kinds import Board
from tests.backends.hardware.tree import tree

HELD, DOUBT = boards.HELD, Unknown()
NO_UDEV = Unknown(Why.NOT_APPLICABLE)


@pytest.mark.parametrize(
    ("policy", "status", "hid", "wakeup", "delay", "rule", "sleep", "awake"),
    [
        ("on", "active", HELD, "none", 2000, NO_RULE, "keep power release", "already"),
        ("on", "active", HELD, "none", 2000, NO_UDEV, "power release", "already"),
        ("on", "active", HELD, "none", 2000, RULE, "keep power release", "forget"),
        ("on", "active", "released", "none", 2000, RULE, "power", "forget restore"),
        ("auto", "suspended", "released", "none", 2000, RULE, "asleep already", "forget restore power"),
        ("auto", "suspended", "released", "none", 2000, NO_RULE, "keep", "restore power"),
        ("auto", "suspended", "released", "none", 2000, NO_UDEV, "asleep already", "restore power"),
        ("auto", "suspended", "none", "none", 2000, RULE, "asleep already", "forget power"),
        ("auto", "suspended", HELD, "none", 2000, RULE, "asleep already", "forget power"),
        ("auto", "active", HELD, "none", 2000, RULE, "keep release", "forget power"),
        ("auto", "active", HELD, "disabled", 2000, RULE, "may sleep already", "forget power"),
        ("auto", "active", "none", "none", -1, RULE, "keep power", "forget power"),
        (DOUBT, "active", HELD, "none", 2000, NO_RULE, "not known", "not known"),
    ],
)  # fmt: skip
def test_offers_only_what_would_change_something(
    policy: Any, status: str, hid: str, wakeup: str, delay: int, rule: Any, sleep: str, awake: str
) -> None:
    board = Board(
        id=Id("h", "board", "1-1"), name="1-1", ids="08bb:27c5", policy=policy, power=status, hid=hid, wakeup=wakeup,
        delay=delay, rule=rule,
    )  # fmt: skip
    let, keep = power.offers(board, "")
    for offer, wanted in ((let, sleep), (keep, awake)):
        if not {"keep", "forget", "restore", "power"} & set(wanted.split()):
            assert wanted in offer.blocked
            with pytest.raises(Refused, match=wanted):
                power.plan(offer, {}, board, Path("/d"), Folders(), False)
        else:
            assert offer.blocked == ""
            lasting = 2000 if delay < 0 else delay
            todo = power.operations(offer.action, board, lasting, Path("/d"), Folders())
            assert [each.argv[0].removeprefix("usb-").partition("-")[0] for each in todo] == wanted.split()
            assert [bool(each.argv[3:]) for each in todo if "keep" in each.argv[0]] in ([], [hid != "none"])
    assert all(offer.blocked for offer in power.offers(board, "needs root"))


def test_the_plan_says_what_it_does_and_what_must_be_seen(tmp_path: Path) -> None:
    device, rules = tree(tmp_path / "sys"), tmp_path / "rules.d"
    rules.mkdir()
    where = Folders(tmp_path / "sys", rules)
    board = boards.board("h", "1-1.1", device, 0.0, NOT_IDENTIFIED, rules)
    assert board is not None
    let, _ = power.offers(board, "")
    plan = power.plan(let, {"delay": "500"}, board, device, where, False)
    assert [step.argv for step in plan.steps] == [
        ("sudo", "sh", "-c", script)
        for script in (
            to_file(
                rules / "70-foh-sleep-1-1.1.rules", *udev_rules.sleep_rule("1-1.1", "08bb:27c5", 500, True).splitlines()
            ),
            f"echo 500 >{device}/power/autosuspend_delay_ms && echo auto >{device}/power/control",
            f"echo 0 >{device}/1-1.1:1.2/authorized",
        )
    ]
    for step in plan.steps:
        subprocess.run(shlex.split(step.shell)[1:], check=True)  # as it can be pasted, without the sudo
    assert (rules / "70-foh-sleep-1-1.1.rules").read_text() == udev_rules.sleep_rule("1-1.1", "08bb:27c5", 500, True)
    assert (device / "power/control").read_text() == "auto\n"
    assert (device / "1-1.1:1.2/authorized").read_text() == "0\n"
    seen = [("rule", RULE, 5.0), ("policy", "auto", 5.0), ("hid", "released", 5.0)]
    assert [(e.field, e.wanted, e.within) for e in plan.expect] == [*seen, ("power", "suspended", 5.5)]
    assert "keys" in plan.interrupts[0]
    playing = power.plan(let, {"delay": "500"}, board, device, where, True)
    assert [(e.field, e.wanted, e.within) for e in playing.expect] == seen
    released = structs.replace(board, hid="released")
    assert len(power.plan(let, {}, released, device, where, False).steps) == 2
    for delay in ("-1", "soon", "1e3", "99999999", "١"):
        with pytest.raises(Refused, match="ms"):
            power.plan(let, {"delay": delay}, board, device, where, False)


@pytest.mark.parametrize(
    ("states", "used"), [([], False), (["closed"], False), (["closed", "state: RUNNING\nowner_pid: 1"], True)]
)
def test_a_board_is_in_use_while_a_player_has_a_pcm_of_it_open(tmp_path: Path, states: list[str], used: bool) -> None:
    device = tree(tmp_path / "sys")
    (device / "1-1.1:1.0/sound/card7").mkdir(parents=True)
    for number, state in enumerate(states):
        for card in (7, 8):  # of which the other is somebody else's
            sub = tmp_path / f"asound/card{card}/pcm{number}p/sub0"
            sub.mkdir(parents=True)
            (sub / "status").write_text(state if card == 7 else "state: RUNNING")
    assert boards.sounds(device, tmp_path / "asound") == used
