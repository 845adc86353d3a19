"""Reads HDMI2USB capture boards (Opsis, Atlys) from sysfs. Opens no device."""

from __future__ import annotations

from pathlib import Path

from backends import sysfs
from backends.capture.identities import identify, may_be
from backends.contract import Evidence, Id, Key, Link, Unknown, Why, clean
from backends.kinds import CaptureBoard


def boards(host: str, root: Path, at: float) -> tuple[CaptureBoard, ...]:
    """Every capture board under `root`. Raises OSError if the bus cannot be listed."""
    found = (board(host, port, device, at) for port, device in sysfs.usb_devices(root).items())
    return tuple(each for each in found if each)


def board(host: str, port: str, device: Path, at: float) -> CaptureBoard | None:
    """The capture board at a port; None for any other device, or if it left during the read."""
    names = ("idVendor", "idProduct", "bcdDevice", "speed", "devnum")
    said = {name: sysfs.attribute(device, name) for name in names}
    vendor, product, release = (text if isinstance(text := said[name], str) else "" for name in names[:3])
    if not may_be(vendor, product):  # the next read would wait for a device that the kernel is busy with
        return None
    said["serial"] = sysfs.attribute(device, "serial")
    identity = identify(vendor, product, release, said["serial"] if isinstance(said["serial"], str) else "")
    if identity is None:
        return None
    model, mode = identity
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
        speed=sysfs.as_number("speed", said["speed"]),
        devnum=sysfs.as_number("devnum", said["devnum"]),
        video=node(device, "video4linux", "no camera driver (uvcvideo) is bound to it"),
        console=node(device, "tty", "no serial driver (cdc_acm) is bound to it"),
    )


def node(device: Path, subsystem: str, missing: str) -> str | Unknown:
    """The /dev name of the first node of the board's interfaces in a subsystem.

    A camera's second node carries only metadata (drivers/media/usb/uvc/uvc_metadata.c): the first is the picture.
    """
    found = [entry.name for each in sysfs.interfaces(device) for entry in _entries(each.path / subsystem)]
    numbered = sorted(found, key=lambda name: (len(name), name))
    return f"/dev/{clean(numbered[0])}" if numbered else Unknown(Why.NOT_APPLICABLE, missing)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # the interface has no such subsystem, or it left
        return []


def above(port: str) -> str:
    """The hub of a port: 1-1.3 -> 1-1, 1-1 -> usb1."""
    hub, dot, _ = port.rpartition(".")
    return hub if dot else f"usb{port.partition('-')[0]}"
