"""Reads the amplifiers and hubs on this machine's USB, without waking a device or waiting for one.

The kernel returns a device's names, and libusb its list, only under the device's lock. The kernel holds that lock while
it binds a driver: for seconds if the device does not answer. So these are read separately, and the rest does not wait
for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from msgspec import structs

from backends import sysfs
from backends.contract import IO, Evidence, Unknown, Why
from backends.hardware import boards, enumerator, usbfs
from backends.hardware.boards import HOLDERS, SleepTimes
from backends.hardware.device_reader import NOT_IDENTIFIED, DeviceIdentity, identify
from backends.hardware.enumerator import ListedDevice
from backends.helper.boards import SYSTEM, Folders
from backends.kinds import Board, Hub
from backends.uevents import UEvent

BUSY = 0.2  # seconds for reading a device's identity
_FIRST_INTERFACE = re.compile(r"(.+):\d+\.0").fullmatch  # 1-1.3.2:1.0, of the device at 1-1.3.2


class UsbDevice(NamedTuple):
    """A device from plugging to unplugging: its port, and the number that the kernel gave it."""

    port: str
    number: int


class Bus:
    """Reads the bus repeatedly, and keeps what does not change while a device is plugged in."""

    def __init__(self, host: str, where: Folders, proc: Path, enumerate: Callable[[Path], list[ListedDevice]]) -> None:
        """`proc` is /proc/asound; `enumerate` lists the devices (enumerator.py)."""
        self.host, self.where, self.root, self.proc = host, where, where.sysfs, proc
        self._enumerate = enumerate
        self._seen: dict[UsbDevice, ListedDevice] = {}
        self._identities: dict[UsbDevice, DeviceIdentity] = {}
        self._numbers: dict[str, tuple[int, int]] = {}  # port: (device number, changes of it)
        self._configured: Counter[str] = Counter()  # by port
        self._days: dict[UsbDevice, tuple[date, SleepTimes]] = {}  # day, and times at its start

    async def read(self, io: IO) -> tuple[list[Board | Hub], bool]:
        """Boards and hubs now, and whether the identity of each is known. Raises OSError if the bus cannot be listed,
        ImportError without libusb."""
        here = await io.thread(self._plugged)
        await self._ask(here, io)
        found = await io.thread(self._read, here, await self._classes(here, io), io.clock())
        return found, here.keys() <= self._identities.keys()

    async def board(self, port: str, io: IO) -> Board | None:
        """The board at one port now."""
        return await io.thread(self._board, port, io.clock())

    def hear(self, events: Iterable[UEvent]) -> None:
        """Counts configurations from the kernel's events. Only events are counted, so that no action seems done that
        was not."""
        self._configured += configured(events)

    def device(self, port: str) -> Path:
        return self.root / "bus/usb/devices" / port

    def _board(self, port: str, at: float) -> Board | None:
        device = self.device(port)
        said = self._identities.get(UsbDevice(port, _number(device) or 0), NOT_IDENTIFIED)
        counted = self._configured[port]
        return boards.board(self.host, port, device, at, said, self.where.rules, configured=counted)

    def _plugged(self) -> dict[UsbDevice, Path]:
        """The devices that are plugged in now."""
        devices = {port: (path, _number(path)) for port, path in sysfs.usb_devices(self.root).items()}
        return {UsbDevice(port, number): path for port, (path, number) in devices.items() if number is not None}

    async def _ask(self, here: Mapping[UsbDevice, Path], io: IO) -> None:
        """Reads the identities of the devices: a new device on its own, known devices together. The last identity
        stands while the kernel is busy with a device."""
        known = {each: here[each] for each in self._identities if each in here}
        self._identities = {each: self._identities[each] for each in known}

        async def ask(name: str, devices: Mapping[UsbDevice, Path]) -> None:
            with contextlib.suppress(TimeoutError), io.part(name) as part:  # the kernel is busy: retry later
                self._identities |= await part.thread(_identify, devices, io.clock(), within=BUSY)

        fresh = [ask(each.port, {each: here[each]}) for each in here.keys() - known.keys()]
        await asyncio.gather(ask("known", known), *fresh)

    async def _classes(self, here: Mapping[UsbDevice, Path], io: IO) -> Mapping[UsbDevice, ListedDevice]:
        """The classes of the devices, listed once after each plugging in."""
        if here.keys() <= self._seen.keys():
            return self._seen
        try:
            with io.part("libusb") as part:
                listed = await part.thread(self._enumerate, self.root, within=BUSY)
        except TimeoutError:  # it waits for the same lock; the tree shows the devices that have drivers already
            listed = await io.thread(enumerator.by_sysfs, self.root)
            return {UsbDevice(seen.port, seen.devnum): seen for seen in listed} | self._seen
        self._seen = {UsbDevice(seen.port, seen.devnum): seen for seen in listed}
        return self._seen

    def _read(
        self, here: Mapping[UsbDevice, Path], listed: Mapping[UsbDevice, ListedDevice], at: float
    ) -> list[Board | Hub]:
        """Boards and hubs now. Nothing here waits for a device."""
        found: list[Board | Hub | None] = []
        for each, device in sorted(here.items()):
            said = self._identities.get(each, NOT_IDENTIFIED)
            what = listed.get(each)
            if what is None:  # libusb does not list it yet: the next read asks again
                continue
            if what.is_hub:
                found.append(boards.hub(self.host, each.port, device, at, said))
            elif what.is_audio:
                counts = self._reenumerations(each), self._configured[each.port]
                board = boards.board(self.host, each.port, device, at, said, self.where.rules, *counts)
                found.append(board and structs.replace(board, asleep_today=self._today(each, device, at)))
        return self._explained([each for each in found if each is not None], at)

    def _explained(self, found: Sequence[Board | Hub], at: float) -> list[Board | Hub]:
        """Adds the programs that have a board's USB node open, if it stays awake though no player uses it: the search
        reads every process."""
        asked = {each.id: node for each in found if isinstance(each, Board) and (node := self._node(each))}
        said = usbfs.holders(asked.values()) if asked else {}
        return [_held(each, asked.get(each.id, ""), said, at) if isinstance(each, Board) else each for each in found]

    def _node(self, board: Board) -> str:
        """Its USB node, if a program that has it open would explain why the board does not sleep."""
        device, number = self.device(board.id.local), board.devnum
        if self.root != SYSTEM.sysfs or board.power != "active" or board.policy != "auto":
            return ""
        bus = sysfs.number(device, "busnum")
        if not isinstance(bus, int) or not isinstance(number, int) or boards.sounds(device, self.proc):
            return ""
        return usbfs.node(bus, number)

    def _today(self, each: UsbDevice, device: Path, at: float) -> int | Unknown:
        """Percent of today that it was asleep: since midnight, plugging in, or the start of this program."""
        now, then = boards.slept(device), datetime.fromtimestamp(at)
        if isinstance(now, Unknown):
            return now
        day, before = self._days.get(each, (None, now))
        if day != then.date():
            today = (then - datetime.combine(then, datetime.min.time())).total_seconds() * 1000
            before = SleepTimes(0, 0) if now.asleep + now.awake < today else now
            self._days[each] = (then.date(), before)
        return now.since(before)

    def _reenumerations(self, each: UsbDevice) -> int:
        """How often the device at this port has changed its number since this program started."""
        last, changes = self._numbers.get(each.port, (each.number, 0))
        changes += last != each.number
        self._numbers[each.port] = (each.number, changes)
        return changes


def configured(events: Iterable[UEvent]) -> Counter[str]:
    """How often the device at each port was configured: the kernel then adds its interfaces, and the first counts for
    all (drivers/usb/core/message.c, usb_set_configuration)."""
    added = (_FIRST_INTERFACE(each.name) for each in events if (each.action, each.subsystem) == ("add", "usb"))
    return Counter(match[1] for match in added if match)


def left(events: Iterable[UEvent]) -> frozenset[str]:
    """The ports whose last event is a removal of the device. An interface such as 1-1.3:1.0 is not a device."""
    last = {each.name: each.action for each in events if each.subsystem == "usb" and each.action in ("add", "remove")}
    return frozenset(name for name, action in last.items() if action == "remove" and ":" not in name)


def _identify(devices: Mapping[UsbDevice, Path], at: float) -> dict[UsbDevice, DeviceIdentity]:
    return {each: identify(device, at) for each, device in devices.items()}


def _number(device: Path) -> int | None:
    number = sysfs.number(device, "devnum")
    return number if isinstance(number, int) else None


def _held(board: Board, node: str, said: Mapping[str, str | Unknown], at: float) -> Board:
    if not node:
        return structs.replace(
            board, holders=Unknown(Why.NOT_APPLICABLE, "not asked: it sleeps, plays, or may not sleep")
        )
    holders = said[node]
    raw = holders if isinstance(holders, str) else holders.detail
    evidence = Evidence(HOLDERS, f"{usbfs.PROC}/*/fd -> {node}", at, raw)
    return structs.replace(board, holders=holders, evidence=(*board.evidence, evidence))
