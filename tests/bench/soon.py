"""How soon the screen shows what has happened, as a ratio to a bare observer of the same event in the same run.

The observer is the least that can see the event: a plain WebSocket client on the same Mopidy or LXD, a plain udev
monitor in the same machine of umockdev. On a busy machine both are late, and the ratio stays. A figure is the median
of several events; so is how long it takes to end, as a ratio to the bare application.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from websockets.sync.client import connect, unix_connect

from tests.integration.beds import usb
from tests.integration.beds.lxd import Lxd
from tests.integration.beds.mopidy import RealMopidy, make_track
from tests.patience import until
from tests.terminal import BARE, FOH, Terminal

EVENTS = 7
UDEV = """
import pyudev
monitor = pyudev.Monitor.from_netlink(pyudev.Context(), "kernel")
monitor.filter_by("usb")
monitor.start()
print("listening", flush=True)
for device in iter(monitor.poll, None):
    print(device.action, device.sys_name, flush=True)
"""
Row = tuple[str, float, float]  # what, how much, and the budget


class Observer:
    """Notes when it was told what; `tells` blocks until the next thing is said, and returns None at the end."""

    def __init__(self, tells: Callable[[], str | bytes | None]) -> None:
        self._told: list[tuple[float, str]] = []
        self._tells = tells
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(Exception):  # the connection is closed: the measuring is over
            while (said := self._tells()) is not None:
                self._told.append((time.monotonic(), said if isinstance(said, str) else said.decode()))

    def when(self, begun: float, word: str) -> float:
        """When it was first told something with this word in it, since then."""
        return until(lambda: next((at for at, said in self._told if at >= begun and word in said), 0.0), word)


def ratio(
    terminal: Terminal, observer: Observer, change: Callable[[], object], word: str, shown: Callable[[str], object]
) -> tuple[float, float]:
    """One event: seconds until it is on the screen, and that by the observer's delay."""
    begun = time.monotonic()
    change()
    terminal.until(lambda: shown(terminal.text))
    screen = time.monotonic() - begun
    return screen, screen / (observer.when(begun, word) - begun)


def console(folder: Path, venue: str, env: dict[str, str] | None = None) -> Terminal:
    """On this part of a venue and nothing else of the machine."""
    nothing = folder / "nothing"
    rest = {"usb": f"sysfs = '{nothing}'", "hdmi2usb": f"sysfs = '{nothing}'", "lxd": "sockets = []",
            "alsa": f"proc = '{nothing}'", "mopidy": "processes = false", "pulse": "own = false"}  # fmt: skip
    lines = [f"[{section}]\n{line}" for section, line in rest.items() if f"[{section}]" not in venue]
    (folder / "venue.toml").write_text("\n".join([venue, *lines, ""]))
    return Terminal(
        FOH, env={"FOH_VENUE": str(folder / "venue.toml"), "FOH_STATE": str(folder / "state"), **(env or {})}
    )


def mopidy(folder: Path) -> Iterator[tuple[float, float]]:
    server = RealMopidy("bar", folder / "bar", "fakesink sync=true", {})
    try:
        server.play(make_track(server.media / "a.flac", "A", length=600))
        with (
            connect(f"{server.endpoint.replace('http', 'ws', 1)}/mopidy/ws") as socket,
            console(folder, f"[mopidy]\nendpoints = ['{server.endpoint}']") as terminal,
        ):
            observer = Observer(socket.recv)
            terminal.until(lambda: " playing " in terminal.text)
            for volume in random.sample(range(10, 99), EVENTS):
                yield ratio(
                    terminal, observer, lambda v=volume: server.rpc("core.mixer.set_volume", volume=v),
                    f'"volume": {volume}', lambda text, v=volume: f" {v}% " in text,
                )  # fmt: skip
    finally:
        server.stop()


def udev(folder: Path) -> Iterator[tuple[float, float]]:
    with usb.bed() as bed:
        listens = subprocess.Popen([sys.executable, "-c", UDEV], env=bed.env, stdout=subprocess.PIPE, text=True)
        assert listens.stdout
        assert listens.stdout.readline() == "listening\n"
        observer = Observer(lambda: listens.stdout.readline() or None if listens.stdout else None)

        def there(text: str, port: str) -> bool:
            return re.search(rf" {port} +active", text) is not None

        mixer = json.dumps(bed.settings["alsa"]["mixer"])
        with console(folder, f"[usb]\n[alsa]\nmixer = {mixer}\n", bed.env) as terminal:
            terminal.until(lambda: all(there(terminal.text, port) for port in usb.PORTS))
            for port in random.sample(usb.PORTS, EVENTS):
                yield ratio(
                    terminal, observer, lambda p=port: bed.unplug(p), f"remove {port}\n",
                    lambda text, p=port: not there(text, p),
                )  # fmt: skip
                bed.replug(port)
                terminal.until(lambda p=port: there(terminal.text, p))
        listens.kill()
        listens.wait()


def lxd(folder: Path) -> Iterator[tuple[float, float]]:
    bed = Lxd()
    try:
        with (
            unix_connect(bed.socket, "ws://lxd/1.0/events?type=lifecycle") as socket,
            console(folder, f"[lxd]\nsockets = ['{bed.socket}']") as terminal,
        ):
            observer = Observer(socket.recv)
            terminal.until(lambda: re.search(r"instances 3/3", terminal.text))
            for _ in range(EVENTS):
                yield ratio(
                    terminal, observer, lambda: bed.lxc("pause", "web1"), "instance-paused",
                    lambda text: re.search(r"web1 .*Frozen", text),
                )  # fmt: skip
                bed.lxc("start", "web1")
                terminal.until(lambda: re.search(r"web1 .*Running", terminal.text))
    finally:
        bed.close()


def ending(folder: Path) -> Iterator[tuple[float, float]]:
    """Seconds from the reason until the console has ended and its terminal is given back, and its ratio to the bare
    application's."""
    for _ in range(EVENTS):
        with Terminal(BARE) as bare:
            bare.wait_for("zone 8")
            bare.settled()
            floor = _ends(bare, lambda: bare.press("q"))
        with Terminal([*FOH, "demo", "--still"], env={"FOH_STATE": ""}) as terminal:
            terminal.wait_for("encode3 is stopped")
            terminal.settled()
            took = _ends(terminal, lambda: terminal.process.send_signal(signal.SIGTERM))
        yield took, took / floor


def _ends(terminal: Terminal, reason: Callable[[], object]) -> float:
    begun = time.monotonic()
    reason()
    terminal.process.wait()
    return time.monotonic() - begun


def figures(folder: Path) -> list[Row]:
    """Each in milliseconds and as a ratio. A ratio's budget is twice what was measured on a quiet machine."""
    rows: list[Row] = []
    for name, other, measure, milliseconds, ratios in (
        ("a volume set elsewhere is shown", "a bare WebSocket client", mopidy, 250.0, 12.0),
        ("an unplugged board is shown", "a bare udev monitor", udev, 300.0, 60.0),
        ("a frozen container is shown", "a bare event client", lxd, 1000.0, 36.0),
        ("it ends by SIGTERM", "the bare application", ending, 1000.0, 2.0),
    ):
        place = folder / measure.__name__
        place.mkdir()
        took = list(measure(place))
        rows.append((f"{name}, ms", statistics.median(seconds for seconds, _ in took) * 1000, milliseconds))
        rows.append((f"... as a ratio to {other}", statistics.median(each for _, each in took), ratios))
    return rows


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        for row in figures(Path(name)):
            print(*row)
