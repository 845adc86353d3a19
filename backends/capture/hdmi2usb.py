"""The backend `hdmi2usb`: the capture boards (Opsis, Atlys) on this machine's USB.

sysfs identifies them. While a board's video runs, the backend asks its firmware for the HDMI signal; while it does not,
an operator can take pictures. Nothing else of a board is opened.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from backends.capture import inside, picture
from backends.capture.boards import boards
from backends.capture.inside import NOT_ASKED, FirmwareReport, PictureHistory
from backends.capture.rules import BOARD_RULES
from backends.contract import (
    IO,
    Backend,
    Context,
    Id,
    Need,
    Observation,
    Offer,
    Plan,
    Refused,
    Source,
    Step,
    Unknown,
    Why,
    clean,
)
from backends.kinds import CAPTURE, CaptureBoard, Number
from backends.uevents import waker

POLL = 5.0  # seconds between two reads without an event from udev
ASK = 4.0  # seconds between two requests to a firmware


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`sysfs` and `dev` are the trees to read, `events` is the source of hardware events (uevents.py), `look` the
    program that takes pictures (picture.py). `firmware`: the boards' firmware may be asked."""

    sysfs: str = "/sys"
    dev: str = "/dev"
    events: str = "udev"
    look: tuple[str, ...] = picture.LOOK
    firmware: bool = True


class Hdmi2Usb:
    """The capture boards on this machine's USB."""

    name = "hdmi2usb"

    def __init__(self, host: str, settings: Settings) -> None:
        self.host, self.settings = host, settings
        self._root, self._dev = Path(settings.sysfs), Path(settings.dev).absolute()
        self._news = asyncio.Event()  # a firmware or a picture has news
        self._here: tuple[CaptureBoard, ...] = ()
        # By port and device number: a board that is plugged in again starts empty.
        self._firmware: dict[tuple[str, Number], FirmwareReport] = {}
        self._pictures: dict[tuple[str, Number], PictureHistory] = {}
        self._looking = ""  # the port of the board whose pictures are being taken

    async def watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        subsystems = ("usb", "video4linux", "tty")
        async with waker(self.settings.events, io, *subsystems, news=self._news) as wait, self._asking(io) as asking:
            while not asking.done():
                self._here = await io.thread(boards, self.host, self._root, io.clock())
                yield Observation(upserts=tuple(map(self._complete, self._here)), complete=True)
                await wait(POLL)
            await asking  # raises its error

    def _complete(self, board: CaptureBoard) -> CaptureBoard:
        key = (board.id.local, board.devnum)
        return inside.complete(board, self._firmware.get(key, NOT_ASKED), self._pictures.get(key, PictureHistory()))

    # --- its firmware ---------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _asking(self, io: IO) -> AsyncIterator[asyncio.Task[None]]:
        """Asks the boards' firmware while the body runs, in a task of its own: one that hangs delays nothing else."""
        asking = asyncio.create_task(self._ask(io))
        try:
            yield asking
        finally:
            asking.cancel()
            await asyncio.wait({asking})

    async def _ask(self, io: IO) -> None:
        while True:
            asked = [board for board in self._here if board.mode == "operational"]
            answers = await asyncio.gather(*(self._ask_one(board, io) for board in asked))
            reports = {(board.id.local, board.devnum): answer for board, answer in zip(asked, answers, strict=True)}
            if reports != self._firmware:
                self._firmware = reports
                self._news.set()
            await asyncio.sleep(ASK if asked else inside.MOMENT)

    async def _ask_one(self, board: CaptureBoard, io: IO) -> FirmwareReport:
        if board.id.local == self._looking:  # its video runs only while pictures are taken
            return self._firmware.get((board.id.local, board.devnum), NOT_ASKED)
        device = self._root / "bus/usb/devices" / board.id.local
        console = str(self._dev / Path(board.console).name) if isinstance(board.console, str) else ""
        try:
            with io.part(f"firmware {board.id.local}") as part:
                return await part.thread(inside.ask, device, console, self.settings.firmware, within=inside.ANSWER)
        except TimeoutError as error:  # unknown even whether its video runs
            hangs = Unknown(Why.UNREACHABLE, clean(error))
            return FirmwareReport(hangs, hangs, hangs)

    # --- its picture ----------------------------------------------------------------------------------------

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        board = await self._board(offer.target, io)
        return inside.plan(offer, board, self._look_at(board))

    async def do(self, step: Step, io: IO) -> str:
        board = await self._board(Id(self.host, CAPTURE.kind, str(step.args["port"])), io)
        plugged = (board.id.local, board.devnum)
        self._looking = board.id.local
        try:
            look = await io.thread(picture.judge, await picture.pictures(self._look_at(board), io))
        finally:
            self._looking = ""
        count = self._pictures.get(plugged, PictureHistory()).count + 1
        self._pictures[plugged] = PictureHistory(count, look, io.clock())
        return str(look)

    def _look_at(self, board: CaptureBoard) -> tuple[str, ...]:
        video = str(self._dev / Path(board.video).name) if isinstance(board.video, str) else ""
        return picture.command(self.settings.look, video)

    async def _board(self, id: Id, io: IO) -> CaptureBoard:
        for board in await io.thread(boards, self.host, self._root, io.clock()):
            if board.id == id:
                return self._complete(board)
        raise Refused(f"the board has left USB port {id.local}")


async def discover(context: Context, io: IO) -> Sequence[Source]:
    """One source if the machine has a USB bus, else none."""
    settings: Settings = context.settings
    return (Hdmi2Usb(context.host, settings),) if (Path(settings.sysfs) / "bus/usb").is_dir() else ()


def needs(context: Context) -> Sequence[Need]:
    settings: Settings = context.settings
    bus = Path(settings.sysfs) / "bus/usb"
    here = bus.is_dir()
    found = [Need("a USB bus for capture boards", here, str(bus) if here else f"there is no {bus}")]
    there = boards(context.host, Path(settings.sysfs), 0.0) if here else ()
    if there and settings.look == picture.LOOK:
        program = shutil.which(picture.PROGRAM)
        mend = "" if program else f"apt install {picture.PACKAGES}"
        found.append(Need("GStreamer, to look at a picture", bool(program), program or "missing", mend))
    for board in there:
        if isinstance(board.console, str) and settings.firmware:
            console = Path(settings.dev) / Path(board.console).name
            may = os.access(console, os.R_OK | os.W_OK)
            said = f"{'' if may else 'no '}permission to open {console}"
            mend = "" if may else "sudo usermod -aG dialout $USER, and log in again"
            found.append(Need(f"the firmware's console of {board.name}", may, said, mend))
    return found


backend = Backend("hdmi2usb", (CAPTURE,), BOARD_RULES, discover, needs, Settings)
