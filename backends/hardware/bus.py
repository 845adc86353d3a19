"""What is plugged into this machine's USB, as far as amplifiers are concerned, read without waking or waiting for any
of it.

The kernel gives a device's names, and libusb its list, only under the device's lock, which it holds while a driver is
bound: for seconds where the device does not answer. So these are asked for apart, and the rest does not wait for them.
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
from backends.hardware import boards, enumerator, helper, usbfs
from backends.hardware.boards import HOLDERS, NOT_TOLD, Slept, Told
from backends.hardware.enumerator import Seen
from backends.kinds import Board, Hub
from backends.uevents import UEvent

BUSY = 0.2  # seconds for a device to say what it is
_FIRST_INTERFACE = re.compile(r"(.+):\d+\.0").fullmatch  # 1-1.3.2:1.0, of the device at 1-1.3.2


class Plugged(NamedTuple):
    """One plugging in: the port, and the number that the kernel gave the device then."""

    port: str
    number: int


class Bus:
    """Reads it again and again, and remembers what does not change while a device is plugged in."""

    def __init__(self, host: str, where: helper.Where, proc: Path, enumerate: Callable[[Path], list[Seen]]) -> None:
        """`proc` is /proc/asound; `enumerate` lists what there is (enumerator.py)."""
        self.host, self.where, self.root, self.proc = host, where, where.sysfs, proc
        self._enumerate = enumerate
        self._seen: dict[Plugged, Seen] = {}
        self._told: dict[Plugged, Told] = {}
        self._numbers: dict[str, tuple[int, int]] = {}  # port: (device number, changes of it)
        self._configured: Counter[str] = Counter()  # by port
        self._days: dict[Plugged, tuple[date, Slept]] = {}  # the day, and what it had slept when that was first seen

    async def read(self, io: IO) -> tuple[list[Board | Hub], bool]:
        """Boards and hubs as they are now, and whether all of them have said what they are. Raises OSError when the bus
        cannot be listed, ImportError without libusb."""
        here = await io.thread(self._plugged)
        await self._ask(here, io)
        found = await io.thread(self._read, here, await self._classes(here, io), io.clock())
        return found, here.keys() <= self._told.keys()

    async def board(self, port: str, io: IO) -> Board | None:
        """The board at one port, now."""
        return await io.thread(self._board, port, io.clock())

    def hear(self, events: Iterable[UEvent]) -> None:
        """What the kernel has told. What is never heard is not counted: nothing then seems done that was not."""
        self._configured += configured(events)

    def device(self, port: str) -> Path:
        return self.root / "bus/usb/devices" / port

    def _board(self, port: str, at: float) -> Board | None:
        device = self.device(port)
        said = self._told.get(Plugged(port, _number(device) or 0), NOT_TOLD)
        counted = self._configured[port]
        return boards.board(self.host, port, device, at, said, self.where.rules, configured=counted)

    def _plugged(self) -> dict[Plugged, Path]:
        """What is plugged in now."""
        devices = sysfs.usb_devices(self.root)
        return {Plugged(port, number): path for port, path in devices.items() if (number := _number(path)) is not None}

    async def _ask(self, here: Mapping[Plugged, Path], io: IO) -> None:
        """Asks what the devices say of themselves: each by itself the first time, later all in a row. What one has said
        holds while the kernel is busy with it."""
        known = {each: here[each] for each in self._told if each in here}
        self._told = {each: self._told[each] for each in known}

        async def ask(name: str, devices: Mapping[Plugged, Path]) -> None:
            with contextlib.suppress(TimeoutError), io.part(name) as part:  # the kernel is busy with it: next time
                self._told |= await part.thread(_told, devices, io.clock(), within=BUSY)

        fresh = [ask(each.port, {each: here[each]}) for each in here.keys() - known.keys()]
        await asyncio.gather(ask("known", known), *fresh)

    async def _classes(self, here: Mapping[Plugged, Path], io: IO) -> Mapping[Plugged, Seen]:
        """The classes of what is plugged in, asked for once for each plugging in."""
        if here.keys() <= self._seen.keys():
            return self._seen
        try:
            with io.part("libusb") as part:
                listed = await part.thread(self._enumerate, self.root, within=BUSY)
        except TimeoutError:  # it waits for the same lock; the tree says what it says of what has drivers already
            listed = await io.thread(enumerator.by_sysfs, self.root)
            return {Plugged(seen.port, seen.devnum): seen for seen in listed} | self._seen
        self._seen = {Plugged(seen.port, seen.devnum): seen for seen in listed}
        return self._seen

    def _read(self, here: Mapping[Plugged, Path], seen: Mapping[Plugged, Seen], at: float) -> list[Board | Hub]:
        """Boards and hubs as they are now. Nothing here waits for a device."""
        found: list[Board | Hub | None] = []
        for each, device in sorted(here.items()):
            said = self._told.get(each, NOT_TOLD)
            what = seen.get(each)
            if what is None:  # libusb has not heard of it yet: the next reading asks again
                continue
            if what.is_hub:
                found.append(boards.hub(self.host, each.port, device, at, said))
            elif what.is_audio:
                counts = self._reenumerations(each), self._configured[each.port]
                board = boards.board(self.host, each.port, device, at, said, self.where.rules, *counts)
                found.append(board and structs.replace(board, asleep_today=self._today(each, device, at)))
        return self._explained([each for each in found if each is not None], at)

    def _explained(self, found: Sequence[Board | Hub], at: float) -> list[Board | Hub]:
        """With who has a board's node open, where it stays awake though no player uses it: to ask costs a look into
        every process."""
        asked = {each.id: node for each in found if isinstance(each, Board) and (node := self._node(each))}
        said = usbfs.holders(asked.values()) if asked else {}
        return [_held(each, asked.get(each.id, ""), said, at) if isinstance(each, Board) else each for each in found]

    def _node(self, board: Board) -> str:
        """Its node, if somebody who has it open would explain why the board does not sleep."""
        device, number = self.device(board.id.local), board.devnum
        if self.root != helper.SYSFS or board.power != "active" or board.policy != "auto":
            return ""
        bus = sysfs.number(device, "busnum")
        if not isinstance(bus, int) or not isinstance(number, int) or boards.sounds(device, self.proc):
            return ""
        return usbfs.node(bus, number)

    def _today(self, each: Plugged, device: Path, at: float) -> int | Unknown:
        """Percent of today that it was asleep: since midnight, since it was plugged in, or since this program looks."""
        now, then = boards.slept(device), datetime.fromtimestamp(at)
        if isinstance(now, Unknown):
            return now
        day, before = self._days.get(each, (None, now))
        if day != then.date():
            today = (then - datetime.combine(then, datetime.min.time())).total_seconds() * 1000
            before = Slept(0, 0) if now.asleep + now.awake < today else now
            self._days[each] = (then.date(), before)
        return now.since(before)

    def _reenumerations(self, each: Plugged) -> int:
        """How often the device at this port has changed its number since this program started."""
        last, changes = self._numbers.get(each.port, (each.number, 0))
        changes += last != each.number
        self._numbers[each.port] = (each.number, changes)
        return changes


def configured(events: Iterable[UEvent]) -> Counter[str]:
    """How often the device at each port was configured: the kernel then adds its interfaces anew, of which the first
    stands for all (drivers/usb/core/message.c, usb_set_configuration)."""
    added = (_FIRST_INTERFACE(each.name) for each in events if (each.action, each.subsystem) == ("add", "usb"))
    return Counter(match[1] for match in added if match)


def left(events: Iterable[UEvent]) -> frozenset[str]:
    """The ports whose device has gone, by the last that was heard of them. An interface, as 1-1.3:1.0, is no device."""
    last = {each.name: each.action for each in events if each.subsystem == "usb" and each.action in ("add", "remove")}
    return frozenset(name for name, action in last.items() if action == "remove" and ":" not in name)


def _told(devices: Mapping[Plugged, Path], at: float) -> dict[Plugged, Told]:
    return {each: boards.told(device, at) for each, device in devices.items()}


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
