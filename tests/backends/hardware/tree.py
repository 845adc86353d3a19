"""A folder in the shape of /sys with one board at 1-1.1, written by hand."""

from __future__ import annotations

from pathlib import Path

FACTS = {
    "devnum": "5", "busnum": "1", "idVendor": "08bb", "idProduct": "27c5", "product": "USB AUDIO  DAC",
    "manufacturer": "BurrBrown", "speed": "12", "bDeviceClass": "00", "bMaxPower": "20mA", "power/control": "on",
    "power/runtime_status": "active", "power/autosuspend_delay_ms": "2000", "power/runtime_active_time": "300",
    "power/runtime_suspended_time": "100", "power/wakeup": "", "1-1.1:1.0/bInterfaceClass": "01",
    "1-1.1:1.0/authorized": "1", "1-1.1:1.2/bInterfaceClass": "03", "1-1.1:1.2/authorized": "1",
    "authorized": "1",
}  # fmt: skip


def tree(root: Path, **changes: str) -> Path:
    """The board's directory. A change to "" stays an empty file."""
    devices = root / "bus/usb/devices"
    for name, value in (FACTS | changes).items():
        path = devices / "1-1.1" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value + "\n")
    (root / "bus/usb/drivers_probe").touch()
    (root / "drivers/usbhid").mkdir(parents=True)
    (devices / "1-1.1/1-1.1:1.2/driver").symlink_to(root / "drivers/usbhid")
    over_current = devices / "1-1/1-1:1.0/1-1-port1/over_current_count"
    over_current.parent.mkdir(parents=True)
    over_current.write_text("2\n")
    return devices / "1-1.1"
