"""Reads trees in the shape of /sys. Reads are bounded; a device's missing or bad answer never raises.

Only reads, and opens no file of /dev, so nothing here wakes a sleeping device. (Never read the `disable` file of a hub
port: the kernel resumes the hub for it.) Source of the shapes: the kernel's Documentation/ABI/testing/sysfs-bus-usb and
drivers/usb/core/sysfs.c.
"""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path

from msgspec import Struct

from backends.contract import Unknown, Why, clean

LONGEST = 4096  # bytes: a file in sysfs has one page at most
_INTERFACE = re.compile(r"\d+-[\d.]+:\d+\.(\d+)").fullmatch  # "1-1.3.2:1.0", and "1-0:1.0" of a root hub
_NUMBER = re.compile(r"([+-]?\d{1,18})(?:mA)?").fullmatch


def read_text(path: str | Path, limit: int = 65536) -> str:
    """The text of a small file, at most `limit` bytes; undecodable bytes become U+FFFD. Raises OSError.

    Unbuffered: half the cost of `Path.open`, because foh reads thousands of small files of /sys and /proc a minute.
    """
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, limit).decode("utf-8", "replace").rstrip("\n")
    finally:
        os.close(file)


class Interface(Struct, frozen=True):
    """One interface of a USB device's active configuration. `cls` is its class in two hex digits (01 audio, 03
    HID), `driver` the kernel driver bound to it ("" none)."""

    number: int
    cls: str
    driver: str
    path: Path


def attribute(device: Path, name: str) -> str | Unknown:
    """An attribute's text without surrounding blanks (it may be ""), or why it is unknown."""
    try:
        text = read_text(f"{device}/{name}", LONGEST + 1)  # joining paths takes longer than reading
    except (FileNotFoundError, NotADirectoryError):
        return Unknown(Why.NOT_APPLICABLE, f"there is no {name}")
    except PermissionError:
        return Unknown(Why.DENIED, f"no permission to read {name}")
    except OSError as error:  # ENODEV: it left during the read; EIO and similar: the driver does not answer
        return Unknown(Why.UNREACHABLE, f"{name}: {error.strerror}")
    if len(text) > LONGEST:
        return Unknown(Why.MALFORMED, f"{name} is longer than {LONGEST} bytes")
    return clean(text.strip())


def number(device: Path, name: str) -> int | Unknown:
    """An attribute that is a decimal number; a unit may follow, as in bMaxPower ("20mA")."""
    return as_number(name, attribute(device, name))


def as_number(name: str, text: str | Unknown) -> int | Unknown:
    """The text of an attribute as a number, or why it is not a number."""
    if isinstance(text, Unknown):
        return text
    if not text:
        return Unknown(Why.NOT_APPLICABLE, f"{name} is empty")
    match = _NUMBER(text)
    return int(match[1]) if match else Unknown(Why.MALFORMED, f"{name} says {clean(text, 40)!r}")


def usb_devices(root: Path) -> dict[str, Path]:
    """The USB devices under `root` (usually /sys) by port: "1-1.3.2", and "usb1" for a root hub.

    Empty if the tree has no USB bus. Raises OSError if the bus exists and cannot be listed.
    """
    try:
        entries = sorted((root / "bus/usb/devices").iterdir())
    except FileNotFoundError:
        return {}
    return {entry.name: entry for entry in entries if ":" not in entry.name}


def matching(folder: Path, pattern: str) -> list[Path]:
    """The paths that match, sorted. Ignores entries that vanish meanwhile, for which Path.glob raises."""
    return [folder / name for name in sorted(glob.glob(pattern, root_dir=folder))]  # noqa: PTH207  (see above)


def interfaces(device: Path) -> list[Interface]:
    """The interfaces of a USB device, by number. Empty if it is unconfigured, deauthorised or gone."""
    try:
        entries = [(match, entry) for entry in device.iterdir() if (match := _INTERFACE(entry.name))]
    except OSError:
        return []
    found = []
    for match, path in entries:
        cls = attribute(path, "bInterfaceClass")
        if isinstance(cls, str):
            found.append(Interface(int(match[1]), cls, link(path, "driver"), path))
    return sorted(found, key=lambda interface: interface.number)


def link(device: Path, name: str) -> str:
    """The last part of a symbolic link's target, a driver's or a subsystem's name; "" if there is no link."""
    try:
        return clean((device / name).readlink().name)
    except OSError:
        return ""
