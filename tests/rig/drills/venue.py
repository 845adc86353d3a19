"""The emulated venue from a drill's side, and what the kernel says about it."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.rig.devices.venue import ROOMS, Port

DEVICES = Path("/sys/bus/usb/devices")
CARDS = Path("/proc/asound")
RULES = Path("/etc/udev/rules.d")
UDEV_LOOKS = 3.5  # seconds: udev looks for changed rules at an event, but not twice within 3 s (udev-manager.c)
RATE = 48000
LOUD = 0.5  # of full scale: -9 dB, as a sine's power is half of a square wave's


class Venue:
    """Asks the emulator; each question waits for its answer. `line` is open to it, and `homes` are the rooms' ports."""

    def __init__(self, line: int, homes: Mapping[str, Port]) -> None:
        self.homes = homes
        self._line, self._answers = line, open(line, closefd=False)  # noqa: SIM115  (as long as the drills)

    def ask(self, do: str, **arguments: object) -> Any:
        os.write(self._line, json.dumps({"do": do, **arguments}).encode() + b"\n")
        answer = json.loads(self._answers.readline())
        assert "done" in answer, f"{do} {arguments}: {answer}"
        return answer["done"]

    def go_home(self) -> None:
        """The venue as it should be: nine boards, in their ports, each a card."""
        self.ask("home")
        until(lambda: all(map(has_card, self.homes.values())) and len(cards()) == len(ROOMS), 120)
        settle()

    def unplug(self, name: str) -> None:
        """Returns when the kernel knows of it."""
        port = self.report(name)["port"]
        self.ask("unplug", name=name)
        until(lambda: not device(port).exists(), 60)

    def plug(self, name: str, port: Port = 0) -> None:
        """Returns when the kernel has configured it."""
        self.ask("plug", name=name, port=port)
        there = self.report(name)["port"]
        until(lambda: read(there, "bConfigurationValue") == "1", 60)

    def fresh(self, room: str) -> Port:
        """The board just plugged in, with the kernel's defaults; its port."""
        self.unplug(room)
        self.plug(room)
        port = self.homes[room]
        until(lambda: has_card(port), 60)
        settle()
        return port

    def hear(self, name: str, seconds: float = 0.5) -> dict[str, Any]:
        """What that board's loudspeakers have just played: "level" in dB and "hertz", both for left and right."""
        heard: dict[str, Any] = self.ask("hear", name=name, seconds=seconds)
        return heard

    def report(self, name: str) -> dict[str, Any]:
        """What a device has noticed (device.py, amplifier.py), and the port it is in."""
        return self.reports()[name]

    def reports(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.ask("report")
        return found


@contextlib.contextmanager
def emulated(folder: Path) -> Iterator[Venue]:
    """The emulator's process, with all rooms plugged in."""
    path = folder / "venue.sock"
    process = subprocess.Popen([sys.executable, "-m", "tests.rig.devices", str(path)])
    try:
        line = socket.socket(socket.AF_UNIX)
        until(lambda: line.connect_ex(str(path)) == 0, 60)
        venue = Venue(line.detach(), {room: number for number, room in enumerate(ROOMS, 1)})
        venue.go_home()
        yield venue
    finally:
        process.kill()
        process.wait()


# --- what the kernel says ---------------------------------------------------------------------------------------


def device(port: Port) -> Path:
    return DEVICES / f"1-{port}"


def read(port: Port, attribute: str) -> str:
    """An attribute of the device in a port; "" while there is none."""
    try:
        return (device(port) / attribute).read_text().strip()
    except OSError:
        return ""


def write(port: Port, attribute: str, value: str) -> None:
    (device(port) / attribute).write_text(value)


def card(port: Port) -> int:
    """The number of the sound card that the kernel has made of the device in a port."""
    (found,) = (device(port) / f"1-{port}:1.0/sound").glob("card*")
    return int(found.name.removeprefix("card"))


def has_card(port: Port) -> bool:
    with contextlib.suppress(ValueError):
        return (CARDS / f"card{card(port)}/pcm0p").exists()
    return False


def cards() -> list[str]:
    return [path.name for path in CARDS.glob("card[0-9]*")]


def sleeps(port: Port) -> bool:
    return read(port, "power/runtime_status") == "suspended"


def awake(port: Port) -> int:
    """For how many milliseconds the device has been awake: the kernel's own record, which forgets nothing."""
    return int(read(port, "power/runtime_active_time"))


def settle() -> None:
    """Waits until udev has done what there was to do."""
    subprocess.run(["udevadm", "settle"], check=True, timeout=60)


# --- what a drill does ------------------------------------------------------------------------------------------


def until(holds: Callable[[], object], seconds: float, what: str = "") -> float:
    """Waits for it; the seconds it took."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < seconds, f"not so within {seconds:g} s: {what or holds}"
        time.sleep(0.02)
    return time.monotonic() - begun


@contextlib.contextmanager
def playing(card: int, hertz: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A player that plays a steady tone on both channels of a card, without end."""
    second = folder / f"{hertz}.raw"  # a whole number of waves, so that it can be repeated
    wave = (round(LOUD * 32767 * math.sin(2 * math.pi * hertz * at / RATE)) for at in range(RATE))
    second.write_bytes(b"".join(struct.pack("<hh", sample, sample) for sample in wave))
    play = f"while cat {second}; do :; done | exec aplay -q -t raw -f S16_LE -c 2 -r {RATE} -D hw:{card},0"
    with (folder / "aplay.log").open("ab") as log:
        player = subprocess.Popen(["sh", "-c", play], stderr=log, start_new_session=True)
    try:
        until(lambda: state(card) == "RUNNING", 60, (folder / "aplay.log").read_text())
        yield player
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(player.pid, signal.SIGKILL)
        player.wait()


def state(card: int) -> str:
    """Of a card's PCM, in the kernel's word; "" while there is none."""
    try:
        return (CARDS / f"card{card}/pcm0p/sub0/status").read_text().split("\n")[0].removeprefix("state: ")
    except OSError:
        return ""
