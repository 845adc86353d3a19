"""The emulated venue from a drill's side, and what the kernel says about it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.patience import BOUND, until
from tests.rig.devices.venue import ROOMS, Port
from tests.rig.drills import recordings
from tests.rig.drills.recordings import RATE

DEVICES = Path("/sys/bus/usb/devices")
CARDS = Path("/proc/asound")
RULES = Path("/etc/udev/rules.d")
REPEATS = 2000  # of what lasts a second: longer than any drill
NAMED = 'SUBSYSTEM=="sound", KERNEL=="card*", DEVPATH=="*/1-{port}/*", ATTR{{id}}="{room}"\n'


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
        """The venue as it should be."""
        self.ask("home")
        self.is_home()

    def is_home(self) -> None:
        """Waits until there are nine boards, in their ports, each a card."""
        until(lambda: all(map(has_card, self.homes.values())) and len(cards()) == len(ROOMS))
        settle()

    def unplug(self, name: str) -> None:
        """Returns when the kernel knows of it."""
        port = self.report(name)["port"]
        self.ask("unplug", name=name)
        until(lambda: not device(port).exists())

    def plug(self, name: str, port: Port = 0) -> None:
        """Returns when the kernel has configured it."""
        self.ask("plug", name=name, port=port)
        there = self.report(name)["port"]
        until(lambda: read(there, "bConfigurationValue") == "1", f"{name}, plugged in at {there}, is configured")

    def fresh(self, room: str) -> Port:
        """The board just plugged in, with the kernel's defaults; its port."""
        self.unplug(room)
        self.plug(room)
        port = self.homes[room]
        until(lambda: has_card(port))
        settle()
        return port

    def hear(self, name: str, length: float = 0.5) -> dict[str, Any]:
        """What that board's loudspeakers played in the last `length` seconds: "level" in dB and "hertz", both for left
        and right."""
        heard: dict[str, Any] = self.ask("hear", name=name, seconds=length)
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
    name_cards()
    process = subprocess.Popen([sys.executable, "-m", "tests.rig.devices", str(path)])
    try:
        line = socket.socket(socket.AF_UNIX)
        until(lambda: line.connect_ex(str(path)) == 0)
        venue = Venue(line.detach(), {room: number for number, room in enumerate(ROOMS, 1)})
        venue.is_home()
        yield venue
    finally:
        process.kill()
        process.wait()


def name_cards() -> None:
    """Cards go by their rooms' names, as the udev rules of a venue with nine equal boards make it."""
    named = (NAMED.format(port=port, room=room) for port, room in enumerate(ROOMS, 1))
    (RULES / "80-venue.rules").write_text("".join(named))
    subprocess.run(["udevadm", "control", "--reload"], check=True, timeout=BOUND)


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


def node(port: Port) -> str:
    """What a program opens to speak to the device by itself."""
    return f"/dev/bus/usb/{int(read(port, 'busnum')):03d}/{int(read(port, 'devnum')):03d}"


def has_driver(port: Port, subsystem: str) -> bool:
    """Whether a driver has made a node of that subsystem of the device in a port."""
    return any(device(port).glob(f"1-{port}:*/{subsystem}/*"))


def cards() -> list[str]:
    return [path.name for path in CARDS.glob("card[0-9]*")]


def sleeps(port: Port) -> bool:
    return read(port, "power/runtime_status") == "suspended"


def awake(port: Port) -> int:
    """For how many milliseconds the device has been awake: the kernel's own record, which forgets nothing."""
    return int(read(port, "power/runtime_active_time"))


def settle() -> None:
    """Waits until udev has done what there was to do."""
    subprocess.run(["udevadm", "settle"], check=True, timeout=BOUND)


# --- what a drill does ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def playing(card: int, hertz: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A player that plays a steady tone on both channels of a card, without end."""
    second = folder / f"{hertz}.raw"
    second.write_bytes(recordings.second(hertz))
    with repeating(card, second) as player:
        yield player


@contextlib.contextmanager
def repeating(card: int, raw: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A player that plays what is in a file again and again."""
    feed = ["cat", *[str(raw)] * REPEATS]  # one program for as long as it takes: starting another can take too long
    play = ["aplay", "-q", "-t", "raw", "-f", "S16_LE", "-c", "2", "-r", str(RATE), "-D", f"hw:{card},0"]
    log = raw.with_suffix(".log")
    with log.open("ab") as said, subprocess.Popen(feed, stdout=subprocess.PIPE, stderr=said) as feeder:
        player = subprocess.Popen(play, stdin=feeder.stdout, stderr=said)
        assert feeder.stdout is not None
        feeder.stdout.close()
        try:
            until(lambda: state(card) == "RUNNING", log.read_text())
            yield player
        finally:
            player.kill()
            player.wait()


@contextlib.contextmanager
def stopped(program: str) -> Iterator[None]:
    """No process of that program gets on meanwhile."""
    subprocess.run(["pkill", "-STOP", "-x", program], check=True, timeout=BOUND)
    try:
        yield
    finally:
        subprocess.run(["pkill", "-CONT", "-x", program], check=True, timeout=BOUND)


def state(card: int) -> str:
    """Of a card's PCM, in the kernel's word; "" while there is none."""
    return _status(card).split("\n")[0].removeprefix("state: ")


def hw_ptr(card: int) -> int:
    """How many frames the kernel says a card has played since its PCM was prepared; 0 while it is closed."""
    found = re.search(r"^hw_ptr +: (\d+)$", _status(card), re.MULTILINE)
    return int(found[1]) if found else 0


def triggered(card: int) -> str:
    """When the kernel last started or stopped a card's PCM: the same for as long as it runs without a gap."""
    found = re.search(r"^trigger_time: ([\d.]+)$", _status(card), re.MULTILINE)
    return found[1] if found else ""


def _status(card: int) -> str:
    try:
        return (CARDS / f"card{card}/pcm0p/sub0/status").read_text()
    except OSError:
        return ""
