from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from backends.contract import Gone, Id, Resource, Severity, Unknown, Verdict, Why
from backends.hardware import rules
from backends.hardware.boards import BANNED, HELD
from backends.kinds import Board, Hub, Pcm, Zone
from tests.backends.worlds import FakeView

PORT = "1-1.1"


def board(**facts: Any) -> Board:
    usual: dict[str, Any] = {"power": "active", "policy": "auto", "delay": 2000, "hid": HELD, "wakeup": "none"}
    return Board(id=Id("h", "board", PORT), name=PORT, **(usual | facts))


def pcm(state: Any = "closed") -> Pcm:
    return Pcm(id=Id("h", "pcm", "hw:bar,0"), name="bar", state=state)


def zone(name: str, state: Any) -> Zone:
    return Zone(id=Id("h", "zone", name), name=name, state=state)


def test_board_that_is_there_is_not_gone() -> None:
    assert rules.gone(board(), FakeView()) == Verdict()


GONE = Gone(board().id, board(), 990.0)
TWO = {"a": "playing", "b": "playing"}
DOUBT = Unknown(Why.UNREACHABLE, "refused")


@pytest.mark.parametrize(
    ("gone", "zones", "severity", "cause"),
    [
        (GONE, {"bar": "playing"}, Severity.CRIT, "bar is silent: no amplifier at USB port 1-1.1"),
        (GONE, {"bar": "stopped"}, Severity.WARN, "bar has no amplifier at USB port 1-1.1"),
        (GONE, {"bar": DOUBT}, Severity.WARN, "bar has no amplifier at USB port 1-1.1"),
        (GONE, TWO, Severity.CRIT, "a and b are silent: no amplifier at USB port 1-1.1"),
        (GONE, {}, Severity.WARN, "the board at USB port 1-1.1 is gone"),
        (Gone(GONE.id, None, 0.0), {}, Severity.WARN, "the board expected at USB port 1-1.1 is missing"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("through", [True, False])
def test_gone_names_the_port_and_who_is_silent(
    gone: Gone, zones: dict[str, Any], severity: Severity, cause: str, through: bool
) -> None:
    resources: list[Resource] = [zone(name, state) for name, state in zones.items()]
    backs: dict[tuple[Id, str], list[Resource]] = {(gone.id, "board"): resources}
    if through:  # by way of the PCM that went with it
        backs = {(gone.id, "board"): [pcm()], (pcm().id, "pcm"): resources}
    finding, *silent = rules.gone(gone, FakeView(backs=backs)).findings
    assert {(each.code, each.root) for each in silent} <= {("ZONE-NO-BOARD", gone.id)}
    assert [each.about.local for each in silent] == [name for name, state in zones.items() if state == "playing"]
    assert (finding.code, finding.severity, finding.cause) == ("USB-BOARD-GONE", severity, cause)
    assert finding.about == gone.id
    assert "1-1.1" in finding.remedies[0].text
    assert ("anything plays in bar" in finding.not_known) == (zones.get("bar") is DOUBT)


def hub(port: str = "1-1") -> Hub:
    return Hub(id=Id("h", "hub", port), name=port)


def left(resource: Resource) -> Gone:
    return Gone(resource.id, resource, 990.0)


@pytest.mark.parametrize("last", [board(), None])
def test_a_board_that_went_with_its_hub_blames_the_hub(last: Board | None) -> None:
    gone = Gone(GONE.id, last, 990.0)
    (finding,) = rules.gone(gone, FakeView(ends={(GONE.id, "hub"): left(hub())})).findings
    assert finding.root == hub().id


def test_a_board_that_went_alone_blames_nobody() -> None:
    (finding,) = rules.gone(GONE, FakeView(ends={(GONE.id, "hub"): hub()})).findings
    assert finding.root == GONE.id


@pytest.mark.parametrize(
    ("gone", "plugged_in", "cause"),
    [
        (hub(), [board()], ""),
        (left(hub()), [board()], "the hub at USB port 1-1 is gone"),
        (left(hub()), [], ""),
        (Gone(hub().id, None, 0.0), [], "the hub expected at USB port 1-1 is missing"),
    ],
)
def test_a_hub_is_missed_with_what_it_took_along(gone: Hub | Gone, plugged_in: list[Resource], cause: str) -> None:
    found = rules.hub_gone(gone, FakeView(backs={(gone.id, "hub"): plugged_in})).findings
    assert [(each.code, each.cause) for each in found] == ([("USB-HUB-GONE", cause)] if cause else [])
    assert all("1-1" in each.remedies[0].text for each in found)


def test_a_hub_that_went_with_its_own_hub_blames_that_one() -> None:
    outer, inner = hub(), hub("1-1.4")
    view = FakeView(ends={(inner.id, "hub"): left(outer)}, backs={(inner.id, "hub"): [board()]})
    (finding,) = rules.hub_gone(left(inner), view).findings
    assert finding.root == outer.id


@pytest.mark.parametrize(
    ("policy", "codes", "undecided"),
    [("on", ["USB-AUTOSUSPEND-OFF"], False), ("auto", [], False), (Unknown(Why.DENIED, "no"), [], True)],
)
def test_never_sleeps(policy: Any, codes: list[str], undecided: bool) -> None:
    verdict = rules.never_sleeps(board(policy=policy), FakeView())
    assert ([finding.code for finding in verdict.findings], verdict.undecided) == (codes, undecided)
    assert all(finding.remedies[0].action == "let-sleep" for finding in verdict.findings)


NOBODY = Unknown(Why.NOT_YET, "")


@pytest.mark.parametrize(
    ("now", "sound", "past", "cause", "undecided"),
    [
        # awake, allowed to sleep and unused for longer than the delay and the margin
        ({}, "closed", [(60, {}, "closed")], "usbhid holds its HID interface", False),
        ({"hid": "released"}, "closed", [(60, {}, "closed")], "stays powered", False),
        ({"delay": -1}, "closed", [(60, {}, "closed")], "usbhid holds", False),
        ({"delay": -1, "hid": "none"}, "closed", [(60, {}, "closed")], "negative autosuspend delay", False),
        ({"holders": "fwupd (8)"}, "closed", [(60, {}, "closed")], "fwupd (8) has its USB node open; usbhid", False),
        ({"holders": "x (8)", "hid": "none"}, "closed", [(60, {}, "closed")], "idle: x (8) has its USB node", False),
        ({"holders": "nobody"}, "closed", [(60, {}, "closed")], "idle: usbhid holds", False),
        # not yet seen for so long; not so for so long; not so at all
        ({}, "closed", [(3, {}, "closed")], "", True),
        ({}, "closed", [(1, {}, "closed"), (2, {"power": "suspended"}, "closed"), (60, {}, "closed")], "", False),
        ({}, "closed", [(1, {}, "closed"), (2, {}, "RUNNING"), (60, {}, "closed")], "", False),
        ({}, "RUNNING", [(60, {}, "closed")], "", False),
        ({"policy": "on"}, "closed", [(60, {}, "closed")], "", False),
        ({"power": "suspended"}, "closed", [(60, {}, "closed")], "", False),
        # what is not known decides nothing
        ({"power": NOBODY}, "closed", [(60, {}, "closed")], "", True),
        ({}, NOBODY, [(60, {}, "closed")], "", True),
        ({}, "closed", [(60, {"power": NOBODY}, "closed")], "", True),
    ],
)
def test_kept_awake(now: dict[str, Any], sound: Any, past: list[Any], cause: str, undecided: bool) -> None:
    here = board(**now)
    view = FakeView(
        backs={(here.id, "board"): [pcm(sound)]},
        past={
            here.id: [(age, structs.replace(here, **facts)) for age, facts, _ in past],
            pcm().id: [(age, pcm(state)) for age, _, state in past],
        },
    )
    verdict = rules.kept_awake(here, view)
    assert verdict.undecided == undecided
    assert [finding.code for finding in verdict.findings] == (["USB-AUTOSUSPEND-BLOCKED"] if cause else [])
    assert all(cause in finding.cause for finding in verdict.findings)
    if undecided and here.power == "active" and sound == "closed":
        assert verdict.recheck_at is not None


@pytest.mark.parametrize(
    ("changes", "zones", "severity", "cause"),
    [
        ({}, {}, None, ""),
        ({"power": DOUBT}, {}, None, ""),
        ({"power": BANNED}, {}, Severity.WARN, "the board at USB port 1-1.1 is switched off in the kernel"),
        ({"power": BANNED}, {"bar": "stopped"}, Severity.WARN, "in the kernel: no sound in bar"),
        ({"power": BANNED}, {"bar": "playing", "hall": "stopped"}, Severity.CRIT, "no sound in bar and hall"),
    ],
)
def test_a_board_that_no_driver_may_use_is_named(
    changes: dict[str, Any], zones: dict[str, Any], severity: Severity | None, cause: str
) -> None:
    now = board(**changes)
    resources: list[Resource] = [zone(name, state) for name, state in zones.items()]
    view = FakeView(backs={(now.id, "board"): resources}, past={now.id: [(rules.REPLUG, now), (60.0, board())]})
    found = rules.switched_off(now, view).findings
    assert [each.severity for each in found] == ([severity] if severity else [])
    for each in found:
        assert cause in each.cause
        assert (each.remedies[0].action, each.remedies[0].target) == ("replug", now.id)


def test_a_board_that_is_being_plugged_in_again_is_not_named_yet() -> None:
    now = board(power=BANNED)
    verdict = rules.switched_off(now, FakeView(past={now.id: [(1.0, now), (60.0, board())]}))
    assert (verdict.findings, verdict.undecided, verdict.recheck_at) == ((), True, 999.0 + rules.REPLUG)
    assert rules.switched_off(Gone(now.id, now, 990.0), FakeView()) == Verdict()
