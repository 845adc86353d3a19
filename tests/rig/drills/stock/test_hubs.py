"""Boards behind hubs: each at its port, joined to its hub and its PCM; and what a hub takes along when it goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.patience import until
from tests.rig.devices.hubs import HUBS, ROOM_PORTS, SPARE
from tests.rig.devices.venue import ROOMS
from tests.rig.drills.console import WELL, Foh, trouble
from tests.rig.drills.venue import Venue, device, has_card, playing, write

PORTS = {room: f"1-{port}" for room, port in ROOM_PORTS.items()}
HUB_PORTS = {name: f"1-{port}" for name, port in HUBS.items()}
KITCHEN = PORTS["kitchen"]


def pcm_cards(foh: Foh) -> dict[str, int]:
    """The sound card that the console joins to the board at each port."""
    report = foh.status()
    return {report.linked(pcm, "board", "board"): int(pcm["card"]) for pcm in report.rows("pcm").values()}


def heard(venue: Venue, room: str, tone: int) -> None:
    """Waits until it is."""
    until(lambda: venue.hear(room)["hertz"] == pytest.approx([tone, tone], abs=1), f"{tone} Hz in {room}")


def let_sleep(port: str) -> None:
    """Here by hand, as it is not what these drills are about."""
    until(lambda: has_card(port))
    write(port, "power/control", "auto")
    write(port, f"1-{port}:1.2/authorized", "0")


def test_each_board_is_at_its_port_and_joined_to_its_hub(calm: Venue, foh: Foh) -> None:
    report = foh.status()
    boards, hubs = report.rows("board"), report.rows("hub")
    assert report.incidents == []
    assert sorted(boards) == sorted(PORTS.values())
    assert sorted(hubs) == sorted([*HUB_PORTS.values(), "usb1", "usb2"])
    assert {port: report.linked(board, "hub", "hub") for port, board in boards.items()} == {
        port: port.rpartition(".")[0] for port in PORTS.values()
    }
    above = {port: report.linked(hubs[port], "hub", "hub") for port in HUB_PORTS.values()}
    assert above == {"1-1": "usb1", "1-1.4": "1-1", "1-2": "usb1"}
    for port in HUB_PORTS.values():  # QEMU's hub is one of USB 1.1, which has nothing to translate
        assert (hubs[port]["ports"], hubs[port]["speed"], hubs[port]["translators"]) == (8, 12, "none")


@pytest.mark.long
def test_what_is_played_to_a_pcm_is_heard_at_its_board_and_at_no_other(calm: Venue, foh: Foh, tmp_path: Path) -> None:
    cards = pcm_cards(foh)
    assert sorted(cards) == sorted(PORTS.values())
    for number, (room, port) in enumerate(PORTS.items()):
        before = calm.reports()
        with playing(cards[port], 300 + 50 * number, tmp_path):
            heard(calm, room, 300 + 50 * number)
        after = calm.reports()
        assert [each for each in ROOMS if after[each]["frames"] != before[each]["frames"]] == [room]


@pytest.mark.long
def test_a_board_that_leaves_a_hub_is_one_incident_until_it_is_back(calm: Venue, foh: Foh) -> None:
    assert foh("init", "--yes").returncode == 0
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL)
        calm.unplug("kitchen")
        console.wait_for(f"the board at USB port {KITCHEN} is gone")
        report = foh.status()
        assert [root for _, root in report.incidents] == [f"rig/board/{KITCHEN}"]
        assert sorted(report.rows("board")) == sorted(set(PORTS.values()) - {KITCHEN})
        calm.plug("kitchen")
        let_sleep(ROOM_PORTS["kitchen"])
        console.until(lambda: trouble(console) == WELL)


@pytest.mark.long
def test_a_board_in_a_port_of_another_hub_is_shown_there(calm: Venue, foh: Foh) -> None:
    calm.unplug("kitchen")
    calm.plug("kitchen", SPARE)
    let_sleep(SPARE)
    report = foh.status()
    assert report.linked(report.rows("board")[f"1-{SPARE}"], "hub", "hub") == HUB_PORTS["stage"]
    assert f"1-{SPARE}" in pcm_cards(foh)
    assert KITCHEN not in report.rows("board")


@pytest.mark.long
@pytest.mark.parametrize("name", ["stage", "lobby"])
def test_a_hub_that_leaves_is_one_incident_with_all_behind_it(calm: Venue, foh: Foh, name: str) -> None:
    """The lobby's has another hub in one of its ports."""
    hub = HUB_PORTS[name]
    behind = {room: port for room, port in PORTS.items() if port.startswith(f"{hub}.")}
    assert foh("init", "--yes").returncode == 0
    with foh.console() as console:
        console.until(lambda: trouble(console) == WELL)
        calm.ask("unplug_hub", name=name)
        until(lambda: not device(HUBS[name]).exists())
        console.wait_for(f"the hub at USB port {hub} is gone")
        assert trouble(console) == ("0 CRIT 1 warn", f"{9 - len(behind)}/9")
        report = foh.status()  # which begins now, and knows of what is missing from the inventory
        assert report.incidents == [("USB-HUB-GONE", f"rig/hub/{hub}")]
        assert set(report.rows("board")) == set(PORTS.values()) - set(behind.values())
        calm.go_home()
        for room in behind:
            let_sleep(ROOM_PORTS[room])
        console.until(lambda: trouble(console) == WELL)
    assert foh.status().incidents == []
