"""HDMI2USB capture boards (Opsis, Atlys), known by their USB identity in sysfs. No device is opened."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from backends import sysfs
from backends.capture.identities import identify, may_be
from backends.capture.rules import BOARD_RULES
from backends.contract import (
    IO,
    Backend,
    Context,
    Evidence,
    Id,
    Key,
    Ledger,
    Link,
    Need,
    Observation,
    Offer,
    Plan,
    Refused,
    Source,
    Unknown,
    Why,
    clean,
)
from backends.kinds import CAPTURE, CaptureBoard
from backends.uevents import waker

POLL = 5.0  # seconds between two looks when udev says nothing


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`sysfs` is the tree to read, `events` where plugging is announced (see uevents.py)."""

    sysfs: str = "/sys"
    events: str = "udev"


class Hdmi2Usb:
    """The capture boards on this machine's USB."""

    name = "hdmi2usb"

    def __init__(self, host: str, settings: Settings) -> None:
        self.host, self.root, self.events = host, Path(settings.sysfs), settings.events

    async def watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        async with waker(self.events, "usb", "video4linux", "tty") as wait:
            while True:
                found = await io.thread(boards, self.host, self.root, io.clock())
                yield Observation(upserts=found, complete=True)
                await wait(POLL)

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        raise Refused("nothing can be done to a capture board over USB alone")

    async def execute(self, plan: Plan, ledger: Ledger, io: IO) -> None:
        raise Refused("nothing can be done to a capture board over USB alone")


def boards(host: str, root: Path, at: float) -> tuple[CaptureBoard, ...]:
    """Every capture board under `root`. Raises OSError when the bus cannot be listed."""
    found = (board(host, port, device, at) for port, device in sysfs.usb_devices(root).items())
    return tuple(each for each in found if each)


def board(host: str, port: str, device: Path, at: float) -> CaptureBoard | None:
    """The capture board at a port; None for any other device, or one that left while it was read."""
    names = ("idVendor", "idProduct", "bcdDevice", "speed")
    said = {name: sysfs.attribute(device, name) for name in names}
    vendor, product, release = (text if isinstance(text := said[name], str) else "" for name in names[:3])
    if not may_be(vendor, product):  # the next would wait for a device that the kernel is busy with
        return None
    said["serial"] = sysfs.attribute(device, "serial")
    identity = identify(vendor, product, release, said["serial"] if isinstance(said["serial"], str) else "")
    if identity is None:
        return None
    model, mode = identity
    speed = said["speed"]
    return CaptureBoard(
        id=Id(host, "capture", port),
        name=f"{model.split()[-1].lower()} {port}",
        keys=(Key("usb-port", port, host),),
        links=(Link("hub", Key("usb-port", above(port), host), f"the port's name, {port}"),),
        evidence=tuple(
            Evidence(name, str(device / name), at, text) for name, text in said.items() if isinstance(text, str)
        ),
        at=at,
        mode=mode,
        model=model,
        port=port,
        ids=f"{vendor}:{product}",
        release=said["bcdDevice"],
        serial=said["serial"],
        speed=speed if isinstance(speed, Unknown) else sysfs.as_number("speed", speed),
        video=node(device, "video4linux", "no camera driver (uvcvideo) has taken it"),
        console=node(device, "tty", "no serial driver (cdc_acm) has taken it"),
    )


def node(device: Path, subsystem: str, missing: str) -> str | Unknown:
    """The /dev name of the first node that the board's interfaces have in a subsystem.

    A camera's second node carries only metadata (drivers/media/usb/uvc/uvc_metadata.c): the first is the picture.
    """
    found = [entry.name for each in sysfs.interfaces(device) for entry in _entries(each.path / subsystem)]
    numbered = sorted(found, key=lambda name: (len(name), name))
    return f"/dev/{clean(numbered[0])}" if numbered else Unknown(Why.NOT_APPLICABLE, missing)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # no such subsystem on this interface, or it left
        return []


def above(port: str) -> str:
    """The port of the hub that a port belongs to: 1-1.3 -> 1-1, 1-1 -> usb1."""
    hub, dot, _ = port.rpartition(".")
    return hub if dot else f"usb{port.partition('-')[0]}"


async def discover(context: Context, io: IO) -> Sequence[Source]:
    """One source where the machine has a USB bus, none elsewhere."""
    settings: Settings = context.settings
    return (Hdmi2Usb(context.host, settings),) if (Path(settings.sysfs) / "bus/usb").is_dir() else ()


def needs(context: Context) -> Sequence[Need]:
    bus = Path(context.settings.sysfs) / "bus/usb"
    here = bus.is_dir()
    return (Need("a USB bus for capture boards", here, str(bus) if here else f"there is no {bus}"),)


backend = Backend("hdmi2usb", (CAPTURE,), BOARD_RULES, discover, needs, Settings)
