"""The udev rule that lets a board sleep each time it is plugged in: the kernel forgets its power settings when it is
unplugged. Pure: names and text (udev(7), "Rules files").

A rule is for one board model at one port, because the boards have no serial number.
"""

from __future__ import annotations

FOLDER = "/etc/udev/rules.d"


def name(port: str) -> str:
    """The name of the rule's file. It sorts before 80-*, so that later rules of the system or the operator win."""
    return f"70-foh-sleep-{port}.rules"


def text(port: str, ids: str, delay: int, release_hid: bool) -> str:
    """The file's text. `ids` is vendor:product, `delay` in ms; `release_hid` also releases the board's keys."""
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
