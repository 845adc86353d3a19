"""A stranger's backend, installed as a package of its own, in the real application: nothing in the console knows it."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from backends import registry
from console.app import Foh
from console.config import of_table
from console.session import open_session
from console.widgets.lines import Lines
from tests.outside.server import Projector, projector
from tests.patience import changed, until_async

SIZE = (160, 48)


@pytest.fixture
async def device() -> AsyncIterator[Projector]:
    async with projector() as started:
        yield started


def app(device: Projector, folder: Path) -> Foh:
    """Only the stranger finds anything: the built-in backends are pointed at empty folders and closed ports."""
    nothing = {"sysfs": str(folder / "sys"), "events": f"unix:{folder}/none"}
    table = {
        "host": "venue1",
        "projector": {"endpoints": [f"127.0.0.1:{device.port}"]},
        "names": {f"projector/127.0.0.1:{device.port}": "big-screen"},
        "usb": nothing, "hdmi2usb": nothing, "alsa": {"proc": str(folder / "proc"), "mixer": ["sleep", "1000"]},
    }  # fmt: skip
    return Foh(lambda: open_session(lambda: of_table(table, None, "", {"FOH_STATE": str(folder / "state")})))


def screen(pilot: Pilot[None], widget: str = "") -> str:
    """What can be read, in one widget or in all of the topmost screen."""
    found = pilot.app.screen.query(widget or "Lines, Rows").results(Lines)
    lines = [each.line(at) for each in found for at in range(each.count)]
    return "\n".join("".join(part[0] for part in line) for line in lines)


async def until(pilot: Pilot[None], true: Callable[[], object]) -> None:
    await until_async(true, seen=lambda: screen(pilot))


def test_it_is_found_by_its_entry_point_and_finds_nothing_by_itself() -> None:
    assert "projector" in registry.names()
    found, health = asyncio.run(registry.discover(registry.load("projector"), "venue1", {}, {}))
    assert (list(found), health.state) == ([], "ok")


def test_the_console_does_not_know_it() -> None:
    root = Path(__file__).parents[2]
    found = subprocess.run(["grep", "-ril", "projector", root / "console", root / "backends"], capture_output=True)
    assert found.stdout == b""


async def test_it_is_seen_judged_mended_and_opened(device: Projector, tmp_path: Path) -> None:
    device.power = "off"
    async with app(device, tmp_path).run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "big-screen" in screen(pilot, "#capture"))
        await until(pilot, lambda: "lamp is off" in screen(pilot, "#incidents"))
        assert "off" in screen(pilot, "#capture")
        assert "1234" in screen(pilot, "#capture")
        assert not any("big-screen" in screen(pilot, f"#{pane}") for pane in ("audio", "amps", "containers"))

        await pilot.press("i", "f")  # the suggested fix of its incident
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "Confirm")
        assert "switch the lamp on" in screen(pilot)
        assert "echo power on | nc" in screen(pilot)
        assert device.power == "off"  # only shown
        await pilot.press("enter")
        await until(pilot, lambda: device.power == "on")
        await until(pilot, lambda: "lamp is off" not in screen(pilot, "#incidents"))
        await until(pilot, lambda: "done: lamp on" in screen(pilot, "#message"))

        device.title, device.lamp = f"talk {os.getpid()}", 4321
        await pilot.press("3")
        await until(pilot, lambda: "4321" in screen(pilot, "#capture"))
        await pilot.press("enter")  # its drill-down
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "Read")
        for shown in ("power", "on", "lamp", "4321 h", f"talk {os.getpid()}", "lamp off"):
            assert shown in screen(pilot), shown


async def test_its_disruptive_action_asks_and_cancel_has_the_focus(device: Projector, tmp_path: Path) -> None:
    async with app(device, tmp_path).run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "big-screen" in screen(pilot, "#capture"))
        await pilot.press("3", "a")
        await until(pilot, lambda: "lamp off" in screen(pilot) and type(pilot.app.screen).__name__ == "Choose")
        await pilot.press("enter")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "Confirm")
        assert "the picture in the room" in screen(pilot)
        await pilot.press("enter")  # Cancel
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "Main")
        await until(pilot, changed(lambda: dict(pilot.app.venue.state.seen_at), 3))  # asked three times since
        assert device.power == "on"
