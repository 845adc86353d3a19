"""A hub of the fast kind, with nothing in its ports: its transaction translators, and over-current at a port."""

from __future__ import annotations

import pytest

from tests.patience import until
from tests.rig.devices.empty_hub import EmptyHub
from tests.rig.drills.console import Foh, trouble
from tests.rig.drills.venue import Venue, device, read
from tests.terminal import Terminal

HUB = 14  # the port that it is plugged into
SHORT = 3  # its own port at which there is too much load
COUNT = f"1-{HUB}:1.0/1-{HUB}-port{SHORT}/over_current_count"
CUT_OFF = f"over-current at USB port 1-{HUB}.{SHORT} (count 0 to 1): the hub has cut it off"


@pytest.mark.long
@pytest.mark.parametrize(("name", "setting"), [("single", ("0", "00")), ("multi", ("1", "02"))])
def test_a_hub_shows_its_transaction_translators(calm: Venue, foh: Foh, name: str, setting: tuple[str, str]) -> None:
    calm.plug(name)
    interface = f"1-{HUB}:1.0"
    until((device(HUB) / interface / "driver").exists)
    # Where there is one for each port the kernel has chosen the setting that uses them.
    found = (read(HUB, f"{interface}/bAlternateSetting"), read(HUB, f"{interface}/bInterfaceProtocol"))
    assert tuple(each.strip() for each in found) == setting
    report = foh.status()
    hub = report.rows("hub")[f"1-{HUB}"]
    assert (hub["translators"], hub["speed"], hub["ports"]) == (name, 480, EmptyHub.ports)
    assert hub["over_currents"] == [0] * EmptyHub.ports
    assert report.linked(hub, "hub", "hub") == "usb1"
    assert report.incidents == []


def test_over_current_at_a_hubs_port_is_told_at_once(calm: Venue, console: Terminal, foh: Foh) -> None:
    calm.plug("single")
    until((device(HUB) / COUNT).exists)
    console.wait_for(f"1-{HUB} ")
    calm.ask("over_current", name="single", port=SHORT, present=True)
    until(lambda: read(HUB, COUNT) == "1")
    console.wait_for(CUT_OFF)
    assert trouble(console) == ("0 CRIT 1 warn", "9/9")
    report = foh.status()  # which begins now, when the kernel only tells that it once happened
    (incident,) = report.said["incidents"]
    assert (incident["code"], incident["root"], incident["severity"]) == (
        "USB-OVER-CURRENT",
        f"rig/hub/1-{HUB}",
        "info",
    )
    assert f"1-{HUB}.{SHORT} (1)" in incident["what"]
    assert report.rows("hub")[f"1-{HUB}"]["over_currents"][SHORT - 1] == 1
    assert read(HUB, "power/control") == "auto"  # as for every hub; this one stays awake, as it could not wake the bus
    assert read(HUB, "power/runtime_status") == "active"
