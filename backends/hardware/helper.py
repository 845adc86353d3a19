"""The operations of `foh helper` (backends/helper.py) on an amplifier board.

Every argument must match a pattern, and the file that it leads to must be inside sysfs and belong to a USB audio
device. It uses no shell and no path from outside, and creates no file but udev rules. A console that may write the
files itself calls the same functions.

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

from msgspec import Struct

from backends import helper, sysfs
from backends.contract import Refused, clean
from backends.hardware import enumerator, naming, udev_rule
from backends.sysfs import read_text

SYSFS, RULES = Path("/sys"), Path(udev_rule.FOLDER)
LONGEST_DELAY = 3_600_000  # ms
PAUSE = 0.5  # seconds that a board stays without a configuration, so that its users notice
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PORT = re.compile(r"[1-9][0-9]{0,2}-[1-9][0-9]{0,2}(\.[1-9][0-9]{0,2}){0,6}").fullmatch
_DELAY = re.compile(r"[0-9]{1,7}").fullmatch
_IDS = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}").fullmatch


class Folders(Struct, frozen=True):
    """The trees that an operation may write to: sysfs, and the folder of udev's rules."""

    sysfs: Path = SYSFS
    rules: Path = RULES


SYSTEM = Folders()


def operations(where: Folders = SYSTEM) -> helper.Operations:
    return {name: partial(operation, where) for name, operation in OPERATIONS.items()}


def run(argv: Sequence[str], where: Folders) -> None:
    """Does one operation. Raises Refused (the arguments) or OSError (the kernel)."""
    helper.run(argv, operations(where))


def usb_power(where: Folders, *arguments: str) -> None:
    if len(arguments) not in (2, 3):
        raise Refused("usb-power takes PORT, auto or on, and a delay in ms")
    port, control, *delay = arguments
    if control not in ("auto", "on"):
        raise Refused("the power control is auto or on")
    wanted = [_milliseconds(each) for each in delay]
    device = audio_device(where.sysfs, port)
    if wanted:
        _write(where.sysfs, device / "power/autosuspend_delay_ms", wanted[0])
    _write(where.sysfs, device / "power/control", control)


def usb_release_hid(where: Folders, *arguments: str) -> None:
    for interface in _hid("usb-release-hid", where.sysfs, arguments):
        _write(where.sysfs, interface.path / "authorized", "0")


def usb_restore_hid(where: Folders, *arguments: str) -> None:
    """Also binds the driver, which authorising an interface does not (Documentation/usb/authorization.rst)."""
    for interface in _hid("usb-restore-hid", where.sysfs, arguments):
        _write(where.sysfs, interface.path / "authorized", "1")
        _write(where.sysfs, where.sysfs / "bus/usb/drivers_probe", interface.path.name)


def usb_keep_rule(where: Folders, *arguments: str) -> None:
    if len(arguments) not in (2, 3) or arguments[2:] not in ((), ("release-hid",)):
        raise Refused("usb-keep-rule takes PORT, a delay in ms, and perhaps release-hid")
    port, delay = arguments[0], _milliseconds(arguments[1])
    device = audio_device(where.sysfs, port)
    ids = _ids_of(device, port)
    _keep(where.rules / udev_rule.name(port), udev_rule.text(port, ids, int(delay), len(arguments) == 3))


def usb_forget_rule(where: Folders, *arguments: str) -> None:
    (where.rules / udev_rule.name(_port("usb-forget-rule", arguments))).unlink(missing_ok=True)


def usb_name_card(where: Folders, *arguments: str) -> None:
    if len(arguments) != 2 or not naming.is_name(arguments[1]):
        raise Refused("usb-name-card takes PORT and NAME: 1 to 15 letters, digits, - and _")
    port, name = arguments
    device = audio_device(where.sysfs, port)
    _keep(where.rules / naming.file(port), naming.rule(port, _ids_of(device, port), name))
    for card in sorted(device.glob("*/sound/card*/id")):
        if read_text(card).strip() != name:
            _write(where.sysfs, card, name)


def usb_unname_card(where: Folders, *arguments: str) -> None:
    (where.rules / naming.file(_port("usb-unname-card", arguments))).unlink(missing_ok=True)


def _port(operation: str, arguments: Sequence[str]) -> str:
    """The port in a rule's operation. It may be empty: a rule can outlive its board."""
    if len(arguments) != 1:
        raise Refused(f"{operation} takes PORT")
    if not _PORT(arguments[0]):
        raise Refused(f"{clean(arguments[0], 40)!r} is not a USB port, such as 1-1.3.2")
    return arguments[0]


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


def _ids_of(device: Path, port: str) -> str:
    ids = ":".join(str(sysfs.attribute(device, name)) for name in ("idVendor", "idProduct"))
    if not _IDS(ids):
        raise Refused(f"the board at USB port {port} does not say what it is")
    return ids


def usb_replug(where: Folders, *arguments: str) -> None:
    """Always ends with the board authorized, even if it was not before, and even if this process has to end: signals
    are blocked meanwhile, and a console that ends in the pause authorizes the board at its exit."""
    if len(arguments) != 1:
        raise Refused("usb-replug takes PORT")
    file = audio_device(where.sysfs, arguments[0]) / "authorized"
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


OPERATIONS: dict[str, Callable[..., None]] = {
    "usb-power": usb_power, "usb-release-hid": usb_release_hid, "usb-restore-hid": usb_restore_hid,
    "usb-keep-rule": usb_keep_rule, "usb-forget-rule": usb_forget_rule,
    "usb-name-card": usb_name_card, "usb-unname-card": usb_unname_card, "usb-replug": usb_replug,
}  # fmt: skip


def _milliseconds(text: str) -> str:
    if not (_DELAY(text) and int(text) <= LONGEST_DELAY):
        raise Refused(f"the delay is a number of ms, 0 to {LONGEST_DELAY}")
    return str(int(text))


def _hid(operation: str, root: Path, arguments: Sequence[str]) -> list[sysfs.Interface]:
    if len(arguments) != 1:
        raise Refused(f"{operation} takes PORT")
    found = [interface for interface in sysfs.interfaces(audio_device(root, arguments[0])) if interface.cls == "03"]
    if not found:
        raise Refused("this board has no HID interface")
    return found


def audio_device(root: Path, port: str) -> Path:
    """The USB audio device at a port, resolved and inside the tree. Raises Refused."""
    if not _PORT(port):
        raise Refused(f"{clean(port, 40)!r} is not a USB port, such as 1-1.3.2")
    device = (root / "bus/usb/devices" / port).resolve()
    if not device.is_relative_to(root.resolve()) or not device.is_dir():
        raise Refused(f"nothing is plugged into USB port {port}")
    if enumerator.AUDIO not in enumerator.classes(device):
        raise Refused(f"what is plugged into USB port {port} is not an audio device")
    return device


def _write(root: Path, path: Path, value: str) -> None:
    """Writes an existing file of the tree. Raises Refused (it lies elsewhere) or OSError."""
    resolved = path.resolve()
    if not resolved.is_relative_to(root.resolve()):
        raise Refused(f"{clean(path)} leads out of {root}")
    descriptor = os.open(resolved, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_TRUNC)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)
