"""The backend `usb`: USB audio devices (amplifier boards, DACs) and hubs, from sysfs, libusb and udev.

Looking never wakes a board: libusb lists descriptors, sysfs tells the rest, and no node of /dev/bus/usb is opened.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from msgspec import Struct, structs

from backends import sysfs
from backends.contract import (
    IO,
    Backend,
    Context,
    Evidence,
    Ledger,
    Need,
    Observation,
    Offer,
    Plan,
    Refused,
    Source,
    Unknown,
    Why,
)  # fmt: skip
from backends.hardware import boards, enumerator, helper, limits, power, rules, udev_rule, usbfs
from backends.hardware.boards import HOLDERS, NOT_TOLD, Told
from backends.hardware.enumerator import Seen
from backends.kinds import BOARD, HUB, Board, Hub
from backends.uevents import waker

BUSY, AGAIN = 0.2, 0.5  # seconds: for a device to say what it is, until it is asked again
POLL = 3.0  # seconds; what udev does not announce: runtime power management and over-current counts
PERMISSION = 60.0  # seconds for which an answer about sudo is believed
ENUMERATORS: dict[str, Callable[[Path], list[Seen]]] = {"pyusb": enumerator.by_pyusb, "sysfs": enumerator.by_sysfs}


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`sysfs` and `proc` are the trees to read, `rules` is where udev's rules are kept; `events` and `enumerator` are
    the seams (see uevents.py, enumerator.py)."""

    sysfs: str = "/sys"
    proc: str = "/proc/asound"
    rules: str = udev_rule.FOLDER
    events: str = "udev"
    enumerator: Literal["pyusb", "sysfs"] = "pyusb"


class Plugged(NamedTuple):
    """One plugging in: the port, and the number that the kernel gave the device then."""

    port: str
    number: int


class Usb:
    """This machine's USB, as far as amplifiers are concerned."""

    name = "usb"

    def __init__(self, host: str, settings: Settings) -> None:
        self.host, self.root, self.events = host, Path(settings.sysfs), settings.events
        self.where, self.proc = helper.Where(self.root, Path(settings.rules)), Path(settings.proc)
        self._enumerate = ENUMERATORS[settings.enumerator]
        self._seen: dict[Plugged, Seen] = {}
        self._told: dict[Plugged, Told] = {}
        self._numbers: dict[str, tuple[int, int]] = {}  # port: (device number, changes of it)
        self._permitted: tuple[float, bool] = (float("-inf"), False)

    async def watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        async with waker(self.events, "usb") as wait:
            while True:
                here = await io.thread(self._plugged)
                await self._ask(here, io)
                found = await io.thread(self._read, here, await self._classes(here, io), io.clock())
                no_access = await self._no_access(found, io)
                yield Observation(complete=True, upserts=tuple(_offering(each, no_access) for each in found))
                await wait(POLL if here.keys() <= self._told.keys() else AGAIN)

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        board = await self._board(offer, io)
        if reason := await self._no_access((board,), io, afresh=True):
            raise Refused(reason)
        used = await io.thread(boards.sounds, self._device(board), self.proc)
        return power.plan(offer, args, board, self._device(board), self.where, used)

    async def execute(self, plan: Plan, ledger: Ledger, io: IO) -> None:
        board = await self._board(plan.offer, io)
        delay = int(plan.args.get("delay", "0"))
        operations = power.operations(plan.offer.action, board, delay, self._device(board), self.where)
        if tuple(operation.step for operation in operations) != plan.steps:
            raise Refused("the board is not as it was when this was planned")
        for operation in operations:
            await ledger.step(operation.step.text)
            if self._may_write(board):
                await io.thread(helper.run, operation.argv, self.where)
            else:
                await helper.by_sudo(operation.argv)

    def _device(self, board: Board) -> Path:
        return self.root / "bus/usb/devices" / board.id.local

    def _may_write(self, board: Board) -> bool:
        return _writable(self._device(board), self.where.rules)

    async def _board(self, offer: Offer, io: IO) -> Board:
        port = offer.target.local
        device = self.root / "bus/usb/devices" / port
        said = self._told.get(Plugged(port, _number(device) or 0), NOT_TOLD)
        board = await io.thread(boards.board, self.host, port, device, io.clock(), said, self.where.rules)
        if board is None:
            raise Refused(f"the board has left USB port {port}")
        return board

    async def _no_access(self, found: Sequence[Board | Hub], io: IO, afresh: bool = False) -> str:
        """Why the power of boards cannot be changed by this process, or ""."""
        if all(self._may_write(each) for each in found if isinstance(each, Board)):
            return ""
        asked, allowed = self._permitted
        if afresh or not 0 <= io.clock() - asked <= PERMISSION:
            allowed = self.where == helper.SYSTEM and await helper.permitted()
            self._permitted = (io.clock(), allowed)
        return "" if allowed else "needs `foh helper`: run `foh doctor`"

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
            with contextlib.suppress(TimeoutError), io.part(name) as part:
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
                changes = self._reenumerations(each)
                found.append(boards.board(self.host, each.port, device, at, said, self.where.rules, changes))
        return self._explained([each for each in found if each is not None], at)

    def _explained(self, found: Sequence[Board | Hub], at: float) -> list[Board | Hub]:
        """With who has a board's node open, where it stays awake though no player uses it: to ask costs a look into
        every process."""
        asked = {each.id: node for each in found if isinstance(each, Board) and (node := self._node(each))}
        said = usbfs.holders(asked.values()) if asked else {}
        return [_held(each, asked.get(each.id, ""), said, at) if isinstance(each, Board) else each for each in found]

    def _node(self, board: Board) -> str:
        """Its node, if somebody who has it open would explain why the board does not sleep."""
        device, number = self._device(board), board.devnum
        if self.root != helper.SYSFS or board.power != "active" or board.policy != "auto":
            return ""
        bus = sysfs.number(device, "busnum")
        if not isinstance(bus, int) or not isinstance(number, int) or boards.sounds(device, self.proc):
            return ""
        return usbfs.node(bus, number)

    def _reenumerations(self, each: Plugged) -> int:
        """How often the device at this port has changed its number since this program started."""
        last, changes = self._numbers.get(each.port, (each.number, 0))
        changes += last != each.number
        self._numbers[each.port] = (each.number, changes)
        return changes


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


def _offering(each: Board | Hub, no_access: str) -> Board | Hub:
    return structs.replace(each, offers=power.offers(each, no_access)) if isinstance(each, Board) else each


def _is_audio(device: Path) -> bool:
    return any(interface.cls == "01" for interface in sysfs.interfaces(device))


def _writable(device: Path, rules: Path) -> bool:
    """Whether this process may change the board's power itself, and keep it so where there is udev."""
    return os.access(device / "power/control", os.W_OK) and (os.access(rules, os.W_OK) or not rules.is_dir())


async def discover(context: Context, io: IO) -> Sequence[Source]:
    """One source where the machine has a USB bus, none elsewhere."""
    settings: Settings = context.settings
    return (Usb(context.host, settings),) if (Path(settings.sysfs) / "bus/usb").is_dir() else ()


def needs(context: Context) -> Sequence[Need]:
    settings: Settings = context.settings
    bus = Path(settings.sysfs) / "bus/usb"
    if not bus.is_dir():
        return (Need("a USB bus", False, f"there is no {bus}: this machine has no USB, so there are no boards"),)
    found = [Need("a USB bus", True, str(bus))]
    if settings.enumerator == "pyusb":
        lacks = enumerator.missing()
        found.append(Need("pyusb and libusb", not lacks, lacks or "loaded", "apt install libusb-1.0-0"))
    found.append(_helper_need(helper.Where(Path(settings.sysfs), Path(settings.rules)), context))
    return tuple(found)


def _helper_need(where: helper.Where, context: Context) -> Need:
    what, foh = "permission to change a board's power", helper.program()
    boards = [device for device in sysfs.usb_devices(where.sysfs).values() if _is_audio(device)]
    if all(_writable(device, where.rules) for device in boards):
        return Need(what, True, f"all {len(boards)} boards can be written to")
    warning = (
        " (first make it, and all folders above it, root's: now others can change it)" if helper.exposed(foh) else ""
    )
    line = helper.sudoers_line(context.environ.get("USER", "USER"))
    return Need(what, False, "an ordinary user", f"echo '{line}' | sudo tee /etc/sudoers.d/foh{warning}")


backend = Backend("usb", (BOARD, HUB), (*rules.RULES, *limits.RULES), discover, needs, Settings)
