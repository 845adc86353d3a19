"""What a bus can carry. Tables, no I/O."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from backends.contract import Gone, Id, Resource, Unknown, Why
from backends.hardware.limits import crowded, over_current
from backends.kinds import Board, Hub, Pcm
from tests.backends.worlds import FakeView

DOUBT = Unknown(Why.UNREACHABLE, "")


def hub(port: str = "1-1", **facts: Any) -> Hub:
    usual: dict[str, Any] = {"port": port, "speed": 480, "translators": "single"}
    return Hub(id=Id("h", "hub", port), name=port, **(usual | facts))


def boards(hub: str, count: int, speed: float = 12) -> list[Board]:
    return [Board(id=Id("h", "board", f"{hub}.{n}"), name=f"{n}", speed=speed) for n in range(1, count + 1)]


@pytest.mark.parametrize(
    ("hub", "here", "below", "playing", "severity"),
    [
        (hub(), boards("1-1", 5), [], 5, ""),
        (hub(), boards("1-1", 6), [], 4, "info"),
        (hub(), boards("1-1", 9), [], 5, "warn"),
        (hub(translators="multi"), boards("1-1", 9), [], 9, ""),
        (hub(), boards("1-1", 9, speed=480), [], 9, ""),  # they need no translator
        (hub(), boards("1-1", 4), [(hub("1-1.5", speed=12), 3)], 5, "warn"),  # a slow hub has none of its own
        (hub(), boards("1-1", 4), [(hub("1-1.5"), 3)], 5, ""),  # a fast one has
        (hub("usb1"), boards("1", 9), [], 9, ""),
        (hub(translators=DOUBT), boards("1-1", 9), [], 9, ""),
    ],
)
def test_more_boards_than_one_translator_carries(
    hub: Hub, here: list[Board], below: list[tuple[Hub, int]], playing: int, severity: str
) -> None:
    backs: dict[tuple[Id, str], list[Resource]] = {(hub.id, "hub"): [*here, *(other for other, _ in below)]}
    every = list(here)
    for other, count in below:
        backs[other.id, "hub"] = [*boards(other.port, count)]  # type: ignore[arg-type]
        every += boards(other.port, count)  # type: ignore[arg-type]
    for number, board in enumerate(every):
        card = Pcm(id=Id("h", "pcm", board.name), name="", state="RUNNING" if number < playing else "closed")
        backs[board.id, "board"] = [card]
    verdict = crowded(hub, FakeView(backs=backs))
    assert [finding.severity for finding in verdict.findings] == ([severity] if severity else [])
    assert all(("will be refused" in finding.cause) == (severity == "warn") for finding in verdict.findings)
    assert verdict.undecided == (hub.translators is DOUBT)


@pytest.mark.parametrize(
    ("device", "past", "severity", "cause"),
    [
        (hub(over_currents=(0, 0)), [], "", ""),
        (hub(over_currents=(0, 2)), [(5, (0, 2)), (6, (0, 0))], "warn", "at USB port 1-1.2 (count 0 to 2): the hub"),
        (hub("usb1", over_currents=(3, 2)), [(5, (3, 2)), (9, (2, 2))], "warn", "at USB port 1-1 (count 2 to 3): the"),
        (
            hub(over_currents=(0, 2)),
            [(700, (0, 2)), (701, (0, 0))],
            "info",
            "counted over-currents at USB port 1-1.2 (2)",
        ),
        (hub(over_currents=(0, 2)), [(60, (0, 2))], "info", "1-1.2 (2)"),  # counted before anybody looked
        (hub(over_currents=(0, 2)), [(5, (0, 2)), (6, DOUBT)], "info", "1-1.2 (2)"),
        (hub(over_currents=(1, 2)), [(5, (1, 2)), (6, (1, 9))], "info", "1-1.1 (1), 1-1.2 (2)"),  # counting anew
        (hub(over_currents=DOUBT), [], "", ""),
        (Gone(hub().id, hub(over_currents=(1,)), 1.0), [], "", ""),
    ],
)
def test_an_over_current_is_a_warning_for_a_while(device: Any, past: Any, severity: str, cause: str) -> None:
    was = [(age, structs.replace(hub(device.id.local), over_currents=counts)) for age, counts in past]
    verdict = over_current(device, FakeView(past={device.id: was}))
    assert [(f.code, f.severity) for f in verdict.findings] == ([("USB-OVER-CURRENT", severity)] if severity else [])
    assert all(cause in finding.cause for finding in verdict.findings)
    assert all(bool(finding.not_known) == (severity == "info") for finding in verdict.findings)
    assert verdict.undecided == (isinstance(device, Hub) and device.over_currents is DOUBT)
    assert (verdict.recheck_at is not None) == (severity == "warn")
