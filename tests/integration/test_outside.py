"""A backend in a package of its own, installed, in the real application: nothing in the console knows it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from backends import registry
from console.app import Foh
from console.config import of_table
from console.session import open_session
from console.widgets.lines import Lines
from tests.outside.snapserver import Snapserver
from tests.patience import changed, until_async

SIZE = (160, 48)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Snapserver]:
    """It plays music to two speakers."""
    server = Snapserver(tmp_path / "snapserver")
    try:
        server.join("aa:aa", "kitchen")
        server.join("bb:bb", "terrace")
        server.play("music")
        yield server
    finally:
        server.stop()


def app(server: Snapserver, folder: Path) -> Foh:
    """Only the speakers are found: the other backends are pointed away from what other tests have started."""
    nothing = {"sysfs": str(folder / "sys"), "events": f"unix:{folder}/none"}
    address = f"127.0.0.1:{server.port}"
    table = {
        "host": "venue1",
        "snapcast": {"endpoints": [address]},
        "names": {f"speaker/{address}/aa:aa": "big-room"},
        "usb": nothing, "hdmi2usb": nothing, "alsa": {"proc": str(folder / "proc"), "mixer": ["sleep", "1000"]},
        "mopidy": {"processes": False}, "pulse": {"own": False},
    }  # fmt: skip
    return Foh(lambda: open_session(lambda: of_table(table, None, "", {"FOH_STATE": str(folder / "state")})))


def muted(server: Snapserver) -> bool:
    return bool(server.clients()["aa:aa"]["config"]["volume"]["muted"])


def screen(pilot: Pilot[None], widget: str = "") -> str:
    """What can be read, in one widget or in all of the topmost screen."""
    found = pilot.app.screen.query(widget or "Lines, Rows").results(Lines)
    lines = [each.line(at) for each in found for at in range(each.count)]
    return "\n".join("".join(part[0] for part in line) for line in lines)


async def until(pilot: Pilot[None], true: Callable[[], object]) -> None:
    await until_async(true, seen=lambda: screen(pilot))


def test_it_is_found_by_its_entry_point_and_finds_nothing_by_itself() -> None:
    assert "snapcast" in registry.names()
    found, health = asyncio.run(registry.discover(registry.load("snapcast"), "venue1", {}, {}))
    assert (list(found), health.state) == ([], "ok")


def test_the_console_does_not_know_it() -> None:
    root = Path(__file__).parents[2]
    found = subprocess.run(["grep", "-ril", "snapcast", root / "console", root / "backends"], capture_output=True)
    assert found.stdout == b""


async def test_it_is_seen_judged_mended_and_opened(server: Snapserver, tmp_path: Path) -> None:
    volume = {"percent": 40, "muted": True}
    await asyncio.to_thread(lambda: server.call("Client.SetVolume", id="aa:aa", volume=volume))
    async with app(server, tmp_path).run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "big-room" in screen(pilot, "#audio"))
        await until(pilot, lambda: "muted while music plays" in screen(pilot, "#incidents"))
        assert "playing" in screen(pilot, "#audio")
        assert not any("big-room" in screen(pilot, f"#{pane}") for pane in ("amps", "capture", "containers"))

        await pilot.press("i", "f")  # the suggested fix of its incident
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "Confirm")
        assert "unmute" in screen(pilot)
        assert "Client.SetVolume" in screen(pilot)
        assert muted(server)  # only shown
        await pilot.press("enter")
        await until(pilot, lambda: not muted(server))
        await until(pilot, lambda: "muted while" not in screen(pilot, "#incidents"))
        await until(pilot, lambda: "done: unmute" in screen(pilot, "#message"))

        await pilot.press("1", "enter")  # its drill-down
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "Read")
        for shown in ("state", "playing", "stream", "music", "40 %", "address", "127.0.0.1", "play another stream"):
            assert shown in screen(pilot), shown


async def test_its_disruptive_action_asks_and_cancel_has_the_focus(server: Snapserver, tmp_path: Path) -> None:
    def stream() -> object:
        return [group["stream_id"] for group in server.call("Server.GetStatus")["server"]["groups"]]

    before = stream()
    async with app(server, tmp_path).run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "big-room" in screen(pilot, "#audio"))
        await pilot.press("1", "a")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "Choose" and "another stream" in screen(pilot))
        await pilot.press("G", "enter")
        await until(pilot, lambda: screen(pilot).endswith("news"))  # the only other stream
        await pilot.press("enter")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "Confirm")
        assert "music, played by kitchen" in screen(pilot)
        await pilot.press("enter")  # Cancel
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "Main")
        await until(pilot, changed(lambda: dict(pilot.app.venue.state.seen_at), 3))  # asked three times since
        assert stream() == before
