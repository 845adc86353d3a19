"""The embedded venue's hardware: folders in the shapes of /sys and /proc/asound, and the kernel's reactions.

Writing a board's power files has the same effect as in Linux (drivers/usb/core/driver.c). With `on` it wakes at once.
With `auto` it sleeps after the delay without use, unless its HID interface is bound: that requires remote wakeup, which
the chip lacks. A board that is not `authorized` has no interfaces and no card (drivers/usb/core/hub.c). `still` stops
everything that changes by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from backends import sysfs
from backends.demo import shapes
from backends.hardware.enumerator import parent
from backends.helper import udev_rules
from backends.uevents import UEvent

STEP, COUNT = 0.25, 0.9  # seconds: between two steps of the kernel, between two writes of its counters
RATE = 44100  # frames per second of a PCM that runs
TRANSFERS = 250  # per second, of a camera that streams


class DemoBoard(Struct, frozen=True):
    """One amplifier board: its card's id, its port, and its initial state."""

    card: str
    port: str
    policy: str = "auto"
    hid_bound: bool = False


class PcmState(Struct):
    """The state of a card's playback PCM: `closed`, or one of the kernel's states and the owner."""

    state: str = "closed"
    pid: int = 0
    hw_ptr: float = 0.0


class Trees:
    """Lays out `folder`/sys and `folder`/proc/asound; `sysfs`, `proc`, `events`
    and `usb` are for the backends' settings."""

    def __init__(
        self, folder: Path, boards: Sequence[DemoBoard], captures: Mapping[str, str] = {}, *, still: bool = False
    ) -> None:
        """`captures` maps a port to `opsis` or `atlys`."""
        self.sysfs, self.proc, self.socket = folder / "sys", folder / "proc/asound", folder / "uevents"
        self.events, self.rules = f"unix:{self.socket}", folder / "etc/udev/rules.d"
        self.boards, self.captures, self.still = {board.port: board for board in boards}, dict(captures), still
        self.sounds = {board.card: PcmState() for board in boards}
        self.streaming = set[str]()  # the ports of capture boards whose video runs
        self.watchers: list[Callable[[], None]] = []  # called after plugging and unplugging
        self._devices, self._grave = self.sysfs / "bus/usb/devices", folder / "gone"
        self._numbers, self._devnum = itertools.count(1), dict[str, int]()
        self._configured = set[str]()  # the ports of boards that have their drivers
        self._seen_at: dict[str, float] = {}
        self._idle_since = {board.port: float("-inf") for board in boards if board.policy == "auto"}
        self._texts: dict[tuple[str, str], tuple[tuple[int, ...], str]] = {}
        self._clients: set[asyncio.StreamWriter] = set()
        self.proc.mkdir(parents=True)
        self.rules.mkdir(parents=True)
        _write(self.sysfs / "bus/usb/drivers_probe", "")
        for port in sorted(_hubs([*self.boards, *self.captures]), key=lambda port: ("-" in port, port)):
            self._lay(port, shapes.hub(port) if "-" in port else shapes.root_hub(port))
        for port in [*self.captures, *self.boards]:
            self.replug(port)

    @property
    def usb(self) -> dict[str, object]:
        """The settings of the backend `usb`."""
        trees = {"sysfs": str(self.sysfs), "proc": str(self.proc), "rules": str(self.rules)}
        return {**trees, "events": self.events, "enumerator": "sysfs"}

    # --- what the scenario does ---------------------------------------------------------------------------

    @property
    def cards(self) -> dict[str, int]:
        """The present cards: their ids and indices."""
        ports = [board.port for board in self.boards.values()]
        return {card: n for n, card in enumerate(self.sounds) if ports[n] in self._configured}

    def unplug(self, port: str) -> None:
        """Removes the device: its folder, its card, with an event for each. Its player finds the PCM closed."""
        if self._devnum.pop(port, None) is None:
            return
        if port in self._configured:
            self._unconfigure(port)
        self._remove(self._devices / port)
        self._emit("remove", "usb", port)

    def replug(self, port: str) -> None:
        """Plugs the device in with a new device number; again with the kernel's own defaults."""
        if port in self._devnum:
            return
        board, again = self.boards.get(port), port in self._seen_at
        self._seen_at[port] = time.monotonic()
        if board is None:
            self._lay(port, shapes.capture(port, self.captures[port], list(self.captures).index(port)))
        else:
            plugged = ("auto", False) if self._kept(port) else ("on", True)
            self._lay(port, shapes.amplifier(port, *(plugged if again else (board.policy, board.hid_bound))))
        self._emit("add", "usb", port)
        if board is not None:
            self._settle(port)

    def pcm(self, card: str, state: str, pid: int = 0, hw_ptr: int = 0) -> None:
        """A player opens or closes the card's PCM. Does nothing if the board is missing."""
        if card in self.cards:
            self.sounds[card] = PcmState(state, pid, hw_ptr)
            self._status(card)
            self.step()

    def set(self, port: str, attribute: str, value: str) -> None:
        """Sets an attribute of a device, such as `power/control` or `idProduct`, and sends an event."""
        _write(self._devices / port / attribute, value)
        self._emit("change", "usb", port)

    def get(self, port: str, attribute: str) -> str:
        """Reads the file only if it has changed, because the kernel reads it often."""
        path = self._devices / port / attribute
        status = path.stat()
        stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        known, text = self._texts.get((port, attribute), ((), ""))
        if known != stamp:
            text = path.read_text().strip()
            self._texts[port, attribute] = (stamp, text)
        return text

    # --- what the kernel does -----------------------------------------------------------------------------

    def step(self) -> None:
        """Reacts to writes, suspends idle boards, and advances the counters."""
        now = time.monotonic()
        for port, board in self.boards.items():
            if port in self._devnum:
                self._authorize(port)
            if port in self._configured:
                self._power(port, self.sounds[board.card].state != "closed", now)
                elapsed = now - self._seen_at[port]
                if elapsed >= COUNT and not self.still:
                    self._seen_at[port] = now
                    self._count(port, board.card, elapsed)
        for port in self.streaming & self._devnum.keys():
            _write(self._devices / port / "urbnum", str(int(now * TRANSFERS)))

    def _authorize(self, port: str) -> None:
        """Applies a write to `authorized`. Does nothing if the board has that state already."""
        device = self._devices / port
        match self.get(port, "authorized"), port in self._configured:
            case "0", True:
                self._unconfigure(port)
                _write(device / "bConfigurationValue", "")
            case "1", False:
                _write(device / "bConfigurationValue", "1")
                self._fill(device, shapes.interfaces(port, not self._kept(port)))
                self._settle(port)

    def _settle(self, port: str) -> None:
        """Adds a board's interfaces with their events, and its card."""
        self._configured.add(port)
        for interface in sysfs.interfaces(self._devices / port):
            self._emit("add", "usb", interface.path.name)
        card = self.boards[port].card
        folder = self._card(card)
        of_board = self._devices / port / f"{port}:1.0/sound" / folder.name
        of_board.mkdir(parents=True)
        for place in (of_board, folder):
            _write(place / "id", card)
        _write(folder / "usbbus", f"{int(port.partition('-')[0]):03d}/{self._devnum[port]:03d}")
        self._status(card)
        self._emit("add", "sound", folder.name)

    def _unconfigure(self, port: str) -> None:
        """Removes a board's card and interfaces: its player finds the PCM closed."""
        self._configured.discard(port)
        card = self.boards[port].card
        self.sounds[card] = PcmState()
        self._remove(self._card(card))
        self._emit("remove", "sound", self._card(card).name)
        for interface in sysfs.interfaces(self._devices / port):
            self._remove(interface.path)
            self._emit("remove", "usb", interface.path.name)

    def _kept(self, port: str) -> bool:
        """Whether a udev rule lets the board sleep and releases its keys."""
        return (self.rules / udev_rules.sleep_file(port)).exists()

    def _power(self, port: str, used: bool, now: float) -> None:
        driver = self._devices / port / f"{port}:1.2/driver"
        if self.get(port, f"{port}:1.2/authorized") == "0":
            driver.unlink(missing_ok=True)
        elif not driver.is_symlink():
            driver.symlink_to(shapes.driver("03"))
        policy, delay = self.get(port, "power/control"), self.get(port, "power/autosuspend_delay_ms")
        if policy not in ("auto", "on") or not delay.lstrip("-").isdigit():
            return  # being written, or invalid, which the kernel refuses
        if policy == "auto" and not used and not driver.is_symlink() and int(delay) >= 0:
            asleep = now - self._idle_since.setdefault(port, now) >= int(delay) / 1000
        else:
            asleep = False
            self._idle_since.pop(port, None)
        status = "suspended" if asleep else "active"
        if self.get(port, "power/runtime_status") != status:
            _write(self._devices / port / "power/runtime_status", status)

    def _count(self, port: str, card: str, elapsed: float) -> None:
        asleep = self.get(port, "power/runtime_status") == "suspended"
        counter = f"power/runtime_{'suspended' if asleep else 'active'}_time"
        _write(self._devices / port / counter, str(int(self.get(port, counter)) + round(elapsed * 1000)))
        if self.sounds[card].state == "RUNNING":
            self.sounds[card].hw_ptr += elapsed * RATE
            self._status(card)

    async def run(self) -> None:
        """Serves the events and steps the kernel until cancelled."""
        async with await asyncio.start_unix_server(self._joined, self.socket):
            while True:
                self.step()
                await asyncio.sleep(STEP)

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):  # the venue ends, or the client has
            await reader.read()  # the client sends nothing; returns when it disconnects
        self._clients.discard(writer)
        writer.close()

    def _emit(self, action: str, subsystem: str, name: str) -> None:
        for writer in self._clients:
            writer.write(msgspec.json.encode(UEvent(action, subsystem, name)) + b"\n")
        for watcher in self.watchers:
            watcher()

    # --- files --------------------------------------------------------------------------------------------

    def _lay(self, port: str, files: Mapping[str, str]) -> None:
        """Adds a device's folder atomically: writes it beside the tree, then moves it in."""
        new = self.sysfs / f"new-{port}"
        self._devnum[port] = next(self._numbers)
        self._fill(new, {**files, "devnum": str(self._devnum[port])})
        self._devices.mkdir(parents=True, exist_ok=True)
        new.rename(self._devices / port)

    def _fill(self, folder: Path, files: Mapping[str, str]) -> None:
        for name, value in files.items():
            _write(folder / name, value)
        for name, driver in shapes.drivers(files).items():
            (folder / name / "driver").symlink_to(driver)

    def _card(self, card: str) -> Path:
        return self.proc / f"card{list(self.sounds).index(card)}"

    def _status(self, card: str) -> None:
        sound, folder = self.sounds[card], self._card(card) / "pcm0p/sub0"
        status, setup = shapes.pcm(sound.state, sound.pid, int(sound.hw_ptr))
        _write(folder / "hw_params", setup)
        _write(folder / "status", status)

    def _remove(self, folder: Path) -> None:
        """Removes the folder atomically: moves it out of the tree, then deletes it."""
        shutil.rmtree(self._grave, ignore_errors=True)
        folder.rename(self._grave)


def _hubs(ports: Sequence[str]) -> set[str]:
    """Every hub above these ports, up to the root hubs."""
    found: set[str] = set()
    for port in ports:
        while port := parent(port):
            found.add(port)
    return found


def _write(path: Path, value: str) -> None:
    """Replaces the file atomically: as with the kernel's files, a reader never sees a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}")
    new.write_text(value + "\n")
    new.replace(path)
