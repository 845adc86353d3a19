"""Why an amplifier is awake: each reason, its evidence and its cure. A table, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec import structs

from backends.contract import Evidence, Id, Offer, Resource, Unknown, Why
from backends.hardware.boards import HELD, SleepTimes
from backends.hardware.why import awake
from backends.kinds import Board, Pcm, Zone
from tests.backends.worlds import FakeView

SAID = tuple(Evidence(what, f"/sys/{what}", 1.0, raw) for what, raw in (("power/control", "on"), ("power/wakeup", "")))
AMP = Board(
    id=Id("h", "board", "1-1"), name="amp", power="active", policy="auto", delay=2000, hid="none", wakeup="none",
    holders="nobody", evidence=SAID,
)  # fmt: skip
PCM = Pcm(id=Id("h", "pcm", "hw:bar,0"), name="bar", state="RUNNING", owner=7, program="mopidy")
BAR = Id("h", "zone", "bar")
STOP, RELEASE = Offer(BAR, "stop", "stop"), Offer(BAR, "release", "let go", blocked="not stopped")
ZONE = Zone(id=BAR, name="bar", state="playing", pid=7, offers=(STOP, RELEASE))
HELD_ZONE = structs.replace(
    ZONE, state="stopped", offers=(structs.replace(STOP, blocked="x"), structs.replace(RELEASE, blocked=""))
)
DOUBT = Unknown(Why.DENIED, "may not be read")


def but(resource: Any, **changes: Any) -> Any:
    return structs.replace(resource, **changes)


@pytest.mark.parametrize(
    ("board", "pcms", "zones", "texts", "cures"),
    [
        (but(AMP, power="suspended"), [], [], ["it is asleep"], [""]),
        (but(AMP, power=DOUBT), [], [], ["whether it is awake is unknown: may not be read"], [""]),
        (but(AMP, policy="on"), [], [], ["its policy is to stay awake"], ["let-sleep"]),
        (AMP, [PCM], [ZONE], ["its PCM bar is open (RUNNING) by mopidy (7), which is zone bar: playing"], ["stop"]),
        (AMP, [PCM], [HELD_ZONE], ["which is zone bar: stopped"], ["release"]),
        (AMP, [PCM], [but(ZONE, pid=8)], ["its PCM bar is open (RUNNING) by mopidy (7)"], ["ps -fp 7"]),
        (AMP, [but(PCM, program=DOUBT)], [], ["by process 7"], ["ps -fp 7"]),
        (AMP, [but(PCM, state=DOUBT)], [], ["whether its PCM bar is open is unknown: may not be read"], [""]),
        (AMP, [but(PCM, state="closed")], [], ["no reason can be seen; its delay of 2000 ms"], [""]),
        (but(AMP, holders="lsusb (9)"), [], [], ["lsusb (9) has its USB node open"], ["stop that program"]),
        (but(AMP, hid=HELD), [], [], ["usbhid holds its HID interface"], ["let-sleep"]),
        (but(AMP, delay=-1), [], [], ["a negative autosuspend delay means never"], ["let-sleep"]),
        (but(AMP, holders=DOUBT), [], [], ["who has its USB node open: may not be read", "no reason"], ["", ""]),
        (but(AMP, policy="on", hid=HELD, holders="x (9)"), [PCM], [ZONE],
         ["its policy", "its PCM bar", "x (9) has", "usbhid holds"], ["let-sleep", "stop", "stop that", "let-sleep"]),
    ],
)  # fmt: skip
def test_every_reason_is_given_with_its_cure(
    board: Board, pcms: Sequence[Resource], zones: Sequence[Resource], texts: list[str], cures: list[str]
) -> None:
    view = FakeView(1000.0, backs={(board.id, "board"): list(pcms), (PCM.id, "pcm"): list(zones)})
    reasons = awake(board, view)
    assert len(reasons) == len(texts)
    for reason, text, cure in zip(reasons, texts, cures, strict=True):
        assert text in reason.text
        remedy = reason.remedy
        assert cure in (f"{remedy.action} {remedy.text}" if remedy else "")
        assert bool(remedy) is bool(cure)


def test_the_policy_is_known_by_its_file() -> None:
    (reason,) = awake(but(AMP, policy="on"), FakeView(1000.0))
    assert [(item.what, item.raw) for item in reason.evidence] == [("power/control", "on")]


@pytest.mark.parametrize(
    ("now", "before", "percent"),
    [
        (SleepTimes(90, 10), SleepTimes(0, 0), 90),
        (SleepTimes(90, 10), SleepTimes(80, 10), 100),
        (SleepTimes(90, 20), SleepTimes(90, 10), 0),
    ],
)
def test_the_share_asleep_is_that_of_the_time_between(now: SleepTimes, before: SleepTimes, percent: int) -> None:
    assert now.since(before) == percent
    assert isinstance(now.since(now), Unknown)
