"""The udev rules that foh writes: file names and texts (udev(7), "Rules files"). Pure.

A rule is for one board model at one port, because the boards have no serial number. It sorts before 80-*, so that later
rules of the system or the operator win.
"""

from __future__ import annotations

import re

FOLDER = "/etc/udev/rules.d"
is_card_id = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_-]{1,15}").fullmatch  # digits alone would be a card's number


def sleep_file(port: str) -> str:
    return f"70-foh-sleep-{port}.rules"


def name_file(port: str) -> str:
    return f"70-foh-name-{port}.rules"


def sleep_rule(port: str, ids: str, delay: int, release_hid: bool) -> str:
    """Lets a board sleep each time it is plugged in: the kernel forgets its power settings when it is unplugged. `ids`
    is vendor:product, `delay` in ms; `release_hid` also releases the board's keys."""
    vendor, product = ids.split(":")
    device = f'ACTION=="add", SUBSYSTEM=="usb", ENV{{DEVTYPE}}=="usb_device", KERNEL=="{port}"'
    model = f'ATTR{{idVendor}}=="{vendor}", ATTR{{idProduct}}=="{product}"'
    allow = f'ATTR{{power/autosuspend_delay_ms}}="{delay}", ATTR{{power/control}}="auto"'
    lines = [
        "# Written by foh: the amplifier board at this port may sleep when nothing plays.",
        f"# `foh act board/{port} keep-awake` removes it.",
        f"{device}, {model}, {allow}",
    ]
    if release_hid:
        interface = f'ACTION=="add", SUBSYSTEM=="usb", ENV{{DEVTYPE}}=="usb_interface", KERNEL=="{port}:1.*"'
        of_model = f'ATTRS{{idVendor}}=="{vendor}", ATTRS{{idProduct}}=="{product}"'
        lines.append(f'{interface}, ATTR{{bInterfaceClass}}=="03", {of_model}, ATTR{{authorized}}="0"')
    return "\n".join(lines) + "\n"


def name_rule(port: str, ids: str, card_id: str) -> str:
    """Names the sound card of the board at a port. `ids` is vendor:product."""
    vendor, product = ids.split(":")
    card = 'ACTION=="add", SUBSYSTEM=="sound", KERNEL=="card*"'
    board = f'KERNELS=="{port}", ATTRS{{idVendor}}=="{vendor}", ATTRS{{idProduct}}=="{product}"'
    return (
        "# Written by foh: the sound card of the board at this port is called so, whatever is found first.\n"
        f"# `foh act board/{port} unname-card` removes it.\n"
        f'{card}, {board}, ATTR{{id}}="{card_id}"\n'
    )
