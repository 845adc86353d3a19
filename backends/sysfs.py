"""Reads trees in the shape of /sys: bounded, never raising for what a device says or fails to say.

Only reads; no file of /dev is touched, so nothing here wakes a sleeping device. (Reading the `disable` file of a
hub port would: the kernel resumes the hub for it. Keep away from it.) Source of the shapes: the kernel's
Documentation/ABI/testing/sysfs-bus-usb and drivers/usb/core/sysfs.c.
"""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path

from msgspec import Struct

from backends.contract import Unknown, Why, clean

LONGEST = 4096  # bytes: sysfs hands out one page at most
_INTERFACE = re.compile(r"\d+-[\d.]+:\d+\.(\d+)").fullmatch  # "1-1.3.2:1.0", and "1-0:1.0" of a root hub
_NUMBER = re.compile(r"([+-]?\d{1,18})(?:mA)?").fullmatch


def read_text(path: str | Path, limit: int = 65536) -> str:
    """A small file's text, bounded, undecodable bytes kept as U+FFFD. Raises OSError.

    Unbuffered: half the cost of `Path.open`, and thousands of small files of /sys and /proc are read a minute.
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
    """An attribute's text without surrounding blanks (it may be ""), or why there is none."""
    try:
        text = read_text(f"{device}/{name}", LONGEST + 1)  # to join paths would take longer than to read
    except (FileNotFoundError, NotADirectoryError):
        return Unknown(Why.NOT_APPLICABLE, f"there is no {name}")
    except PermissionError:
        return Unknown(Why.DENIED, f"no permission to read {name}")
    except OSError as error:  # ENODEV: it went away under our hands; EIO and the like: the driver does not answer
        return Unknown(Why.UNREACHABLE, f"{name}: {error.strerror}")
    if len(text) > LONGEST:
        return Unknown(Why.MALFORMED, f"{name} is longer than {LONGEST} bytes")
    return clean(text.strip())


def number(device: Path, name: str) -> int | Unknown:
    """An attribute that is a decimal number; the unit of bMaxPower ("20mA") is allowed to follow."""
    return as_number(name, attribute(device, name))


def as_number(name: str, text: str | Unknown) -> int | Unknown:
    """The text of an attribute as a number, or why it is none."""
    if isinstance(text, Unknown):
        return text
    if not text:
        return Unknown(Why.NOT_APPLICABLE, f"{name} is empty")
    match = _NUMBER(text)
    return int(match[1]) if match else Unknown(Why.MALFORMED, f"{name} says {clean(text, 40)!r}")


def usb_devices(root: Path) -> dict[str, Path]:
    """The USB devices under `root` (usually /sys) by port: "1-1.3.2", and "usb1" for a root hub.

    Empty where the tree has no USB bus. Raises OSError when the bus is there and cannot be listed.
    """
    try:
        entries = sorted((root / "bus/usb/devices").iterdir())
    except FileNotFoundError:
        return {}
    return {entry.name: entry for entry in entries if ":" not in entry.name}


def matching(folder: Path, pattern: str) -> list[Path]:
    """What is there by that pattern, sorted, without what leaves meanwhile: where that happens, Path.glob raises."""
    return [folder / name for name in sorted(glob.glob(pattern, root_dir=folder))]  # noqa: PTH207  (see above)


def interfaces(device: Path) -> list[Interface]:
    """The interfaces of a USB device, by number. Empty for one that is unconfigured, deauthorised or gone."""
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
    """The last part of where a symbolic link points ("" where there is none): a driver's or a subsystem's name."""
    try:
        return clean((device / name).readlink().name)
    except OSError:
        return ""
