"""The backend `usb`: USB audio devices (amplifier boards, DACs) and hubs, from sysfs, libusb and udev.

Reading never wakes a board: libusb lists descriptors, sysfs has the rest, and no node of /dev/bus/usb is opened.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct, structs

from backends import sudo, sysfs
from backends.contract import IO, Backend, Context, Need, Observation, Offer, Plan, Refused, Source, Step
from backends.hardware import boards, enumerator, identify, limits, naming, power, replug, rules, why
from backends.hardware.bus import Bus, left
from backends.hardware.enumerator import ListedDevice
from backends.hardware.operation import asked
from backends.hardware.tones import Tones
from backends.helper import udev_rules
from backends.helper.boards import SYSTEM, Folders, operations
from backends.helper.devices import AUDIO, classes
from backends.interpreter import python
from backends.kinds import BOARD, HUB, Board, Hub
from backends.sysfs import read_text
from backends.uevents import waker

AGAIN = 0.5  # seconds until a state that is about to change is read again
POLL = 3.0  # seconds; udev does not announce runtime power management
ENUMERATORS: dict[str, Callable[[Path], list[ListedDevice]]] = {
    "pyusb": enumerator.by_pyusb,
    "sysfs": enumerator.by_sysfs,
}


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`sysfs` and `proc` are the trees to read, `rules` is the folder of udev's rules; `events`, `enumerator` and
    `tone` (the command of the tone child) are seams (uevents.py, enumerator.py, tone_lines.py)."""

    sysfs: str = "/sys"
    proc: str = "/proc/asound"
    rules: str = udev_rules.FOLDER
    events: str = "udev"
    enumerator: Literal["pyusb", "sysfs"] = "pyusb"
    tone: tuple[str, ...] = python("backends.hardware.tone_child")


class Usb:
    """The amplifiers and hubs on this machine's USB."""

    name = "usb"

    def __init__(self, host: str, settings: Settings) -> None:
        self.host, self.root, self.events = host, Path(settings.sysfs), settings.events
        self.where, self.proc = Folders(self.root, Path(settings.rules)), Path(settings.proc)
        self._bus = Bus(host, self.where, Path(settings.proc), ENUMERATORS[settings.enumerator])
        self._permission = sudo.Permission("usb-replug", "1-1")
        self._tones = Tones(settings.tone)

    async def watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        async with waker(self.events, io, "usb") as wait:
            while True:
                found, complete = await self._bus.read(io)
                no_access = await self._no_access(found, io)
                yield Observation(complete=True, upserts=tuple(_offering(each, no_access) for each in found))
                heard = await wait(POLL if complete else AGAIN)
                self._bus.hear(heard)
                if ports := left(heard):  # report removals at once: reading the rest may take long
                    yield Observation(gone=tuple(each.id for each in found if each.id.local in ports))

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        board = await self._board(offer, io)
        if offer.action == identify.IDENTIFY:
            return identify.plan(offer, board, await self._used(board, io))
        if reason := await self._no_access((board,), io, afresh=True):
            raise Refused(reason)
        match offer.action:
            case replug.REPLUG:
                return replug.plan(offer, board, self._device(board))
            case naming.NAME | naming.UNNAME:
                return naming.plan(offer, args, board, self.where.rules, await io.thread(_taken, self.root))
        return power.plan(offer, args, board, self._device(board), self.where, await self._used(board, io))

    async def do(self, step: Step, io: IO) -> None:
        if step.do == identify.IDENTIFY:
            await self._tones.play(str(step.args["device"]), io)
            return
        argv = asked(step)
        if _writable(self._bus.device(argv[1]), self.where.rules):
            with io.part("helper") as part:  # watching continues meanwhile
                await part.thread(sudo.here, argv, operations(self.where), within=sudo.LONGEST)
        else:
            await sudo.by_sudo(argv, io)

    async def _used(self, board: Board, io: IO) -> bool:
        return await io.thread(boards.sounds, self._device(board), self.proc)

    def _device(self, board: Board) -> Path:
        return self._bus.device(board.id.local)

    def _may_write(self, board: Board) -> bool:
        return _writable(self._device(board), self.where.rules)

    async def _board(self, offer: Offer, io: IO) -> Board:
        port = offer.target.local
        board = await self._bus.board(port, io)
        if board is None:
            raise Refused(f"the board has left USB port {port}")
        return board

    async def _no_access(self, found: Sequence[Board | Hub], io: IO, afresh: bool = False) -> str:
        """Why this process cannot change the power of boards, or ""."""
        if all(self._may_write(each) for each in found if isinstance(each, Board)):
            return ""
        return await self._permission.lacking(io, afresh) if self.where == SYSTEM else sudo.NEEDED


def _offering(each: Board | Hub, no_access: str) -> Board | Hub:
    if not isinstance(each, Board):
        return each
    power_and_name = (*power.offers(each, no_access), *naming.offers(each, no_access))
    return structs.replace(each, offers=(*power_and_name, replug.offer(each, no_access), identify.offer(each)))


def _taken(root: Path) -> dict[str, str]:
    """The ids of all sound cards now, with their cards."""
    return {read_text(file).strip(): file.parent.name for file in (root / "class/sound").glob("card*/id")}


def _is_audio(device: Path) -> bool:
    return AUDIO in classes(device)


def _writable(device: Path, rules: Path) -> bool:
    """Whether this process may change the board's power itself, and write udev rules if there is udev."""
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
    found.append(_helper_need(Folders(Path(settings.sysfs), Path(settings.rules)), context))
    return tuple(found)


def _helper_need(where: Folders, context: Context) -> Need:
    what = "permission to change a board's power"
    boards = [device for device in sysfs.usb_devices(where.sysfs).values() if _is_audio(device)]
    if all(_writable(device, where.rules) for device in boards):
        return Need(what, True, f"all {len(boards)} boards can be written to")
    return sudo.need(what, context.environ.get("USER", "USER"), "usb-replug", "1-1")


backend = Backend("usb", (BOARD, HUB), (*rules.RULES, *limits.RULES), discover, needs, Settings, why.QUESTIONS)
