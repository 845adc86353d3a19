"""Lists the USB devices and their descriptors without opening one.

One of the three seams where files cannot stand in for the kernel: `pyusb` asks libusb, which takes the descriptors
from sysfs (libusb, os/linux_usbfs.c); `sysfs` reads the same facts from the tree, for the embedded venue. Opening a
device (strings, claims, status requests) would resume it (the kernel's usbdev_open calls usb_autoresume_device), so
nothing here opens one.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from backends import sysfs
from backends.helper.devices import AUDIO, classes

HUB = 0x09  # USB-IF class code


class ListedDevice(Struct, frozen=True):
    """One device: its port ("1-1.3.2"), its device number, and the classes of itself and its interfaces."""

    port: str
    devnum: int
    cls: int
    classes: frozenset[int]

    @property
    def is_hub(self) -> bool:
        return self.cls == HUB

    @property
    def is_audio(self) -> bool:
        return AUDIO in self.classes


def by_pyusb(root: Path) -> list[ListedDevice]:
    """The devices by libusb, which ignores `root`. Raises ImportError without libusb."""
    if reason := missing():
        raise ImportError(reason)
    import usb.core

    return [
        ListedDevice(port_name(device.bus, device.port_numbers), device.address, device.bDeviceClass, _classes(device))
        for device in usb.core.find(find_all=True)
    ]


def missing() -> str:
    """Why pyusb cannot list devices on this machine, or ""."""
    try:
        import usb.backend.libusb1
    except ImportError:
        return "pyusb is not installed"
    return "" if usb.backend.libusb1.get_backend() else "libusb-1.0 is missing"


def _classes(device: Iterable[Iterable[object]]) -> frozenset[int]:
    """The classes of all interfaces of all configurations, from the cached descriptors."""
    import usb.core

    try:
        return frozenset(interface.bInterfaceClass for config in device for interface in config)  # type: ignore[attr-defined]
    except usb.core.USBError:  # it left after it was listed
        return frozenset()


def by_sysfs(root: Path) -> list[ListedDevice]:
    """The devices by the tree under `root`."""
    found = []
    for port, device in sysfs.usb_devices(root).items():
        devnum, cls = sysfs.number(device, "devnum"), sysfs.attribute(device, "bDeviceClass")
        if isinstance(devnum, int) and isinstance(cls, str):
            found.append(ListedDevice(port, devnum, _hex(cls), classes(device)))
    return found


def _hex(text: str) -> int:
    """A class as a number; 0 ("see the interfaces") if the text is not a number."""
    try:
        return int(text, 16)
    except ValueError:
        return 0


def port_name(bus: int, ports: Iterable[int] | None) -> str:
    """The kernel's name for a port: "1-1.3.2", "usb1" for a root hub."""
    path = ".".join(map(str, ports or ()))
    return f"{bus}-{path}" if path else f"usb{bus}"


def parent(port: str) -> str:
    """The hub that a port is on: 1-1.3.2 -> 1-1.3 -> 1-1 -> usb1 -> ""."""
    if port.startswith("usb"):
        return ""
    head, dot, _ = port.rpartition(".")
    return head if dot else f"usb{port.partition('-')[0]}"


def hub_port(device: Path, port: str, hub: str) -> Path:
    """The directory of the hub's port that `port` is on: <hub>/<hub>:1.0/<hub>-portN (drivers/usb/core/port.c);
    a root hub's interface is called B-0:1.0."""
    number = port.replace("-", ".").rpartition(".")[2]
    interface = f"{hub.removeprefix('usb')}-0:1.0" if hub.startswith("usb") else f"{hub}:1.0"
    return device.parent / hub / interface / f"{hub}-port{number}"


def at_port(hub: str, number: int) -> str:
    """The name of a hub's port: 1-1 and 3 -> 1-1.3, usb1 and 3 -> 1-3."""
    return f"{hub.removeprefix('usb')}-{number}" if hub.startswith("usb") else f"{hub}.{number}"
