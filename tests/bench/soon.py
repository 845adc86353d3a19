"""How soon the screen shows what has happened, as a ratio to a bare observer of the same event in the same run.

The observer is the least that can see the event: a plain WebSocket client on the same Mopidy or LXD, a plain udev
monitor in the same machine of umockdev. On a busy machine both are late, and the ratio stays. A figure is the median
of several events; so is how long it takes to end, as a ratio to the bare application.
"""

from __future__ import annotations

import contextlib
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


def ratio(terminal: Terminal, observer: Observer, change: Callable[[], object], word: str, shown: str) -> float:
    """One event: the screen's delay by the observer's."""
    begun = time.monotonic()
    change()
    terminal.until(lambda: re.search(shown, terminal.text))
    screen = time.monotonic() - begun
    return screen / (observer.when(begun, word) - begun)


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


def mopidy(folder: Path) -> Iterator[float]:
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
                    f'"volume": {volume}', rf" {volume}% ",
                )  # fmt: skip
    finally:
        server.stop()


def udev(folder: Path) -> Iterator[float]:
    with usb.bed() as bed:
        listens = subprocess.Popen([sys.executable, "-c", UDEV], env=bed.env, stdout=subprocess.PIPE, text=True)
        assert listens.stdout
        assert listens.stdout.readline() == "listening\n"
        observer = Observer(lambda: listens.stdout.readline() or None if listens.stdout else None)
        with console(folder, "[usb]\n", bed.env) as terminal:
            terminal.until(lambda: re.search(r"boards 9/9", terminal.text))
            for port in random.sample(usb.PORTS, EVENTS):
                yield ratio(terminal, observer, lambda p=port: bed.unplug(p), f"remove {port}\n", r"boards 8/9")
                bed.replug(port)
                terminal.until(lambda: re.search(r"boards 9/9", terminal.text))
        listens.kill()
        listens.wait()


def lxd(folder: Path) -> Iterator[float]:
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
                    terminal, observer, lambda: bed.lxc("pause", "web1"), "instance-paused", r"web1 .*Frozen",
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
    rows: list[Row] = []
    for name, measure, budget in (
        ("a volume set elsewhere, as a ratio to a bare WebSocket client", mopidy, 10.0),
        ("an unplugged board, as a ratio to a bare udev monitor", udev, 10.0),
        ("a frozen container, as a ratio to a bare event client", lxd, 10.0),
    ):
        place = folder / measure.__name__
        place.mkdir()
        rows.append((name, statistics.median(measure(place)), budget))
    ends = list(ending(folder))
    rows.append(("end by SIGTERM, ms", statistics.median(took for took, _ in ends) * 1000, 1000.0))
    rows.append(("end, as a ratio to the bare application's", statistics.median(each for _, each in ends), 4.0))
    return rows


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        for row in figures(Path(name)):
            print(*row)
