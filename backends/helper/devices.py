"""USB devices as root sees them in sysfs (Documentation/ABI/testing/sysfs-bus-usb)."""

from __future__ import annotations

import os
import re
from pathlib import Path

from . import Refused, printable

AUDIO, HID = 0x01, 0x03  # bInterfaceClass
INTERFACE, CLASS_AT = 4, 5  # a descriptor's type, and where the class stands in it (USB 2.0, 9.6.5)
PAGE = 4096  # bytes: an attribute has no more
MOST = 65_536  # bytes of descriptors
_PORT = re.compile(r"[1-9][0-9]{0,2}-[1-9][0-9]{0,2}(\.[1-9][0-9]{0,2}){0,6}").fullmatch
_INTERFACE = re.compile(r"\d+-[\d.]+:\d+\.(\d+)").fullmatch  # "1-1.3.2:1.0"
_CLASS = re.compile(r"[0-9a-f]{2}").fullmatch
_IDS = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}").fullmatch


def port(text: str) -> str:
    """A USB port, which may be empty. Raises Refused."""
    if not _PORT(text):
        raise Refused(f"{printable(text)!r} is not a USB port, such as 1-1.3.2")
    return text


def audio_device(root: Path, where: str) -> Path:
    """The USB audio device at a port, resolved and inside the tree. Raises Refused."""
    device = (root / "bus/usb/devices" / port(where)).resolve()
    if not device.is_relative_to(root.resolve()) or not device.is_dir():
        raise Refused(f"nothing is plugged into USB port {where}")
    if AUDIO not in classes(device):
        raise Refused(f"what is plugged into USB port {where} is not an audio device")
    return device


def ids(device: Path) -> str:
    """Its vendor and product, such as 08bb:27c5. Raises Refused."""
    said = ":".join(_read(device / name) for name in ("idVendor", "idProduct"))
    if not _IDS(said):
        raise Refused(f"the board at USB port {device.name} does not say what it is")
    return said


def interfaces(device: Path) -> dict[Path, int]:
    """The class of each interface, by number. Empty if it is unconfigured, not authorized or gone."""
    try:
        named = sorted((int(match[1]), path) for path in device.iterdir() if (match := _INTERFACE(path.name)))
    except OSError:
        return {}
    said = {path: _read(path / "bInterfaceClass") for _, path in named}
    return {path: int(text, 16) for path, text in said.items() if _CLASS(text)}


def classes(device: Path) -> frozenset[int]:
    """The classes of a device's interfaces. A device that is not authorized has no interfaces, but still their
    descriptors."""
    now = frozenset(interfaces(device).values())
    try:
        return now or described(read(device / "descriptors", MOST))
    except OSError:
        return now


def described(descriptors: bytes) -> frozenset[int]:
    """The classes of all interfaces in a device's raw descriptors (USB 2.0, 9.6.5). Each descriptor starts with its
    length and its type."""
    found, at = set(), 0
    while at + 1 < len(descriptors) and (length := descriptors[at]) >= 2:
        if descriptors[at + 1] == INTERFACE and length > CLASS_AT and at + CLASS_AT < len(descriptors):
            found.add(descriptors[at + CLASS_AT])
        at += length
    return frozenset(found)


def read(path: Path, most: int = PAGE) -> bytes:
    """A small file's bytes. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return os.read(descriptor, most)
    finally:
        os.close(descriptor)


def _read(path: Path) -> str:
    try:
        return read(path).decode("utf-8", "replace").strip()
    except OSError:
        return ""
