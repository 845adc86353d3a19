"""The operations on an amplifier board.

Every argument must match a pattern, and the file that it leads to must be inside sysfs and belong to a USB audio
device. They use no shell and no path from outside, and create no file but udev rules.

    usb-power PORT auto|on [DELAY_MS]          may sleep after this many ms without use, or never
    usb-release-hid PORT                       releases the board's own keys, so that they cannot keep it awake
    usb-restore-hid PORT                       binds them again
    usb-keep-rule PORT DELAY_MS [release-hid]  a udev rule does the same each time the board is plugged in
    usb-forget-rule PORT                       removes that rule
    usb-name-card PORT NAME                    names its sound card now, and by a udev rule each time
    usb-unname-card PORT                       removes that rule
    usb-replug PORT                            removes the board's configuration and restores it
"""

from __future__ import annotations

import atexit
import os
import re
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from . import Refused, devices, printable, udev_rules

LONGEST_DELAY = 3_600_000  # ms
PAUSE = 0.5  # seconds that a board stays without a configuration, so that its users notice
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_DELAY = re.compile(r"[0-9]{1,7}").fullmatch


class Folders(NamedTuple):
    """The trees that an operation may write to: sysfs, and the folder of udev's rules."""

    sysfs: Path = Path("/sys")
    rules: Path = Path(udev_rules.FOLDER)


SYSTEM = Folders()


def power(where: Folders, *arguments: str) -> None:
    if len(arguments) not in (2, 3):
        raise Refused("usb-power takes PORT, auto or on, and a delay in ms")
    port, control, *delay = arguments
    if control not in ("auto", "on"):
        raise Refused("the power control is auto or on")
    wanted = [_milliseconds(each) for each in delay]
    device = devices.audio_device(where.sysfs, port)
    if wanted:
        _write(where.sysfs, device / "power/autosuspend_delay_ms", wanted[0])
    _write(where.sysfs, device / "power/control", control)


def release_hid(where: Folders, *arguments: str) -> None:
    for interface in _hid("usb-release-hid", where.sysfs, arguments):
        _write(where.sysfs, interface / "authorized", "0")


def restore_hid(where: Folders, *arguments: str) -> None:
    """Also binds the driver, which authorising an interface does not (Documentation/usb/authorization.rst)."""
    for interface in _hid("usb-restore-hid", where.sysfs, arguments):
        _write(where.sysfs, interface / "authorized", "1")
        _write(where.sysfs, where.sysfs / "bus/usb/drivers_probe", interface.name)


def keep_rule(where: Folders, *arguments: str) -> None:
    if len(arguments) not in (2, 3) or arguments[2:] not in ((), ("release-hid",)):
        raise Refused("usb-keep-rule takes PORT, a delay in ms, and perhaps release-hid")
    port, delay = arguments[0], _milliseconds(arguments[1])
    ids = devices.ids(devices.audio_device(where.sysfs, port))
    _keep(where.rules / udev_rules.sleep_file(port), udev_rules.sleep_rule(port, ids, int(delay), len(arguments) == 3))


def forget_rule(where: Folders, *arguments: str) -> None:
    (where.rules / udev_rules.sleep_file(_port("usb-forget-rule", arguments))).unlink(missing_ok=True)


def name_card(where: Folders, *arguments: str) -> None:
    if len(arguments) != 2 or not udev_rules.is_card_id(arguments[1]):
        raise Refused("usb-name-card takes PORT and NAME: 1 to 15 letters, digits, - and _")
    port, name = arguments
    device = devices.audio_device(where.sysfs, port)
    _keep(where.rules / udev_rules.name_file(port), udev_rules.name_rule(port, devices.ids(device), name))
    for card in sorted(device.glob("*/sound/card*/id")):
        if devices.read(card).strip() != name.encode():
            _write(where.sysfs, card, name)


def unname_card(where: Folders, *arguments: str) -> None:
    (where.rules / udev_rules.name_file(_port("usb-unname-card", arguments))).unlink(missing_ok=True)


def replug(where: Folders, *arguments: str) -> None:
    """Always ends with the board authorized, even if it was not before, and even if this process has to end: signals
    are blocked meanwhile, and a console that ends in the pause authorizes the board at its exit."""
    if len(arguments) != 1:
        raise Refused("usb-replug takes PORT")
    file = devices.audio_device(where.sysfs, arguments[0]) / "authorized"
    authorize = partial(_write, where.sysfs, file, "1")
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    atexit.register(authorize)
    try:
        _write(where.sysfs, file, "0")
        time.sleep(PAUSE)
    finally:
        atexit.unregister(authorize)
        try:
            authorize()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


_ON_BOARDS: dict[str, Callable[..., None]] = {
    "usb-power": power, "usb-release-hid": release_hid, "usb-restore-hid": restore_hid,
    "usb-keep-rule": keep_rule, "usb-forget-rule": forget_rule,
    "usb-name-card": name_card, "usb-unname-card": unname_card, "usb-replug": replug,
}  # fmt: skip


def operations(where: Folders = SYSTEM) -> dict[str, Callable[..., None]]:
    return {name: partial(operation, where) for name, operation in _ON_BOARDS.items()}


def _milliseconds(text: str) -> str:
    if not (_DELAY(text) and int(text) <= LONGEST_DELAY):
        raise Refused(f"the delay is a number of ms, 0 to {LONGEST_DELAY}")
    return str(int(text))


def _port(operation: str, arguments: Sequence[str]) -> str:
    """The port in a rule's operation. It may be empty: a rule can outlive its board."""
    if len(arguments) != 1:
        raise Refused(f"{operation} takes PORT")
    return devices.port(arguments[0])


def _hid(operation: str, root: Path, arguments: Sequence[str]) -> list[Path]:
    if len(arguments) != 1:
        raise Refused(f"{operation} takes PORT")
    device = devices.audio_device(root, arguments[0])
    found = [path for path, cls in devices.interfaces(device).items() if cls == devices.HID]
    if not found:
        raise Refused("this board has no HID interface")
    return found


def _keep(file: Path, text: str) -> None:
    """Writes a rule atomically. udev does not read *.new."""
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(file)


def _write(root: Path, path: Path, value: str) -> None:
    """Writes an existing file of the tree. Raises Refused (it lies elsewhere) or OSError."""
    resolved = path.resolve()
    if not resolved.is_relative_to(root.resolve()):
        raise Refused(f"{printable(path)} leads out of {root}")
    descriptor = os.open(resolved, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_TRUNC)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)
