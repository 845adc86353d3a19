"""Reads one USB device from sysfs: its attributes with their text as evidence, and its descriptors, which may block."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from backends import sysfs
from backends.contract import Evidence, Unknown, Why
from backends.kinds import Number, Text


class DeviceIdentity(Struct, frozen=True):
    """The descriptors of a device, which never change while it is plugged in. The kernel reads them only under the
    device's lock (drivers/usb/core/sysfs.c). It holds that lock while it binds a driver: for seconds if the device does
    not answer."""

    product: Text
    maker: Text
    serial: Text
    current: Number
    evidence: tuple[Evidence, ...] = ()


_LATER = Unknown(Why.NOT_YET, "the kernel is busy with the device: it has just been plugged in, or does not answer")
NOT_IDENTIFIED = DeviceIdentity(_LATER, _LATER, _LATER, _LATER)


def identify(device: Path, at: float) -> DeviceIdentity:
    """Reads a device's identity. Blocks while the kernel holds the device's lock."""
    read = DeviceReader(device, at)
    product, maker, serial = (read.text(name) for name in ("product", "manufacturer", "serial"))
    return DeviceIdentity(product, maker, serial, read.number("bMaxPower"), tuple(read.evidence))


class DeviceReader:
    """Reads one device and keeps the text of each file as evidence."""

    def __init__(self, device: Path, at: float) -> None:
        self.device, self.at = device, at
        self.evidence: list[Evidence] = []

    def text(self, name: str) -> Text:
        value = sysfs.attribute(self.device, name)
        if isinstance(value, str):
            self.note(name, f"{self.device}/{name}", value)
        return value

    def number(self, name: str) -> int | Unknown:
        return sysfs.as_number(name, self.text(name))

    def note(self, what: str, path: str | Path, raw: str) -> None:
        self.evidence.append(Evidence(what, str(path), self.at, raw))
