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


BOARD = Board(id=Id("h", "board", "1-1.1"), name="1-1.1", over_current=2)


@pytest.mark.parametrize(
    ("device", "past", "cause"),
    [
        (
            BOARD,
            [(5, BOARD), (6, structs.replace(BOARD, over_current=0))],
            "1.1: the hub has cut it off (count 0 to 2)",
        ),
        (hub(over_current=3), [(5, hub(over_current=3)), (9, hub(over_current=2))], "1-1: the hub has cut"),
        (BOARD, [(700, BOARD), (701, structs.replace(BOARD, over_current=0))], ""),  # long ago
        (BOARD, [(60, BOARD)], ""),  # counted before anybody looked
        (BOARD, [(5, BOARD), (6, structs.replace(BOARD, over_current=DOUBT))], ""),
        (BOARD, [(5, BOARD), (6, structs.replace(BOARD, over_current=9))], ""),  # another hub, counting anew
        (structs.replace(BOARD, over_current=DOUBT), [], ""),
        (Gone(BOARD.id, BOARD, 1.0), [], ""),
    ],
)
def test_an_over_current_is_told_for_a_while(device: Any, past: Any, cause: str) -> None:
    verdict = over_current(device, FakeView(past={device.id: past}))
    assert [finding.code for finding in verdict.findings] == (["USB-OVER-CURRENT"] if cause else [])
    assert all(cause in finding.cause for finding in verdict.findings)
