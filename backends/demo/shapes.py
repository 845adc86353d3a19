"""The contents of the embedded venue's files in /sys and /proc/asound.

Amplifier boards as in TI's SBFS036, capture boards with the names of the HDMI2USB gateware and firmware.
"""

from __future__ import annotations

from collections.abc import Mapping

Files = dict[str, str]

CAPTURES = {
    "opsis": ("2a19", "5442", "Numato Opsis", "HDMI2USB.tv"),
    "atlys": ("1d50", "60b7", "Digilent Atlys", "HDMI2USB.tv"),
}
_DRIVERS = {"01": "snd-usb-audio", "03": "usbhid", "09": "hub", "0e": "uvcvideo", "02": "cdc_acm", "0a": "cdc_acm"}


def amplifier(port: str, policy: str, hid_bound: bool) -> Files:
    """A PCM2705C board: full speed, self-powered, three interfaces, no serial number, no remote wakeup."""
    asleep = policy == "auto" and not hid_bound
    return {
        **_device(port, "08bb", "27c5", "00", "12", "20mA"),
        "product": "USB AUDIO  DAC",
        "manufacturer": "BurrBrown from Texas Instruments",
        **_power(policy, "suspended" if asleep else "active", "900000" if asleep else "0"),
        "descriptors": "".join(map(_descriptor, (1, 1, 3))),
        **interfaces(port, hid_bound),
    }


def interfaces(port: str, hid_bound: bool) -> Files:
    """The interfaces of a configured board: audio control, audio stream, and keys."""
    return {
        **_interface(port, 0, "01"),
        **_interface(port, 1, "01"),
        **_interface(port, 2, "03", authorized=hid_bound),
    }


def capture(port: str, board: str, number: int) -> Files:
    """A capture board in operational mode: a camera (interfaces 0, 1) and a console (2, 3)."""
    vendor, product, name, maker = CAPTURES[board]
    return {
        **_device(port, vendor, product, "ef", "480", "500mA"),
        "product": name,
        "manufacturer": maker,
        "serial": f"000000000000{number + 1:04d}",
        "bcdDevice": "0101",
        "urbnum": "40",
        **_power("on", "active", "0"),
        **_interface(port, 0, "0e"),
        f"{port}:1.0/video4linux/video{number}/name": name,
        **_interface(port, 1, "0e"),
        **_interface(port, 2, "02"),
        f"{port}:1.2/tty/ttyACM{number}/dev": f"166:{number}",
        **_interface(port, 3, "0a"),
    }


def hub(port: str) -> Files:
    """A four-port hub with one transaction translator."""
    return {
        **_device(port, "05e3", "0608", "09", "480", "100mA"),
        **{"product": "USB2.0 Hub", "bDeviceProtocol": "01", "maxchild": "4"},
        **_power("auto", "active", "0"),
        **_interface(port, 0, "09"),
        **_ports(port, f"{port}:1.0"),
    }


def root_hub(port: str) -> Files:
    inner = f"{port.removeprefix('usb')}-0"
    return {
        **_device(f"{port.removeprefix('usb')}-0", "1d6b", "0002", "09", "480", "0mA"),
        **{"product": "xHCI Host Controller", "manufacturer": "Linux xhci-hcd"},
        **{"bDeviceProtocol": "01", "maxchild": "4"},
        **_power("auto", "active", "0"),
        **_interface(inner, 0, "09"),
        **_ports(port, f"{inner}:1.0"),
    }


def drivers(files: Mapping[str, str]) -> dict[str, str]:
    """The driver of each interface; an interface that is not authorised has none."""
    suffix = "/bInterfaceClass"
    interfaces = {name.removesuffix(suffix): cls for name, cls in files.items() if name.endswith(suffix)}
    return {name: driver(cls) for name, cls in interfaces.items() if files[f"{name}/authorized"] == "1"}


def driver(cls: str) -> str:
    """The target of the link from an interface of that class to its driver."""
    return f"/bus/usb/drivers/{_DRIVERS[cls]}"


def pcm(state: str, pid: int, hw_ptr: int) -> tuple[str, str]:
    """The files `status` and `hw_params` of a playback substream (sound/core/pcm.c)."""
    if state == "closed":
        return "closed", "closed"
    status = (
        f"state: {state}\nowner_pid   : {pid}\ntrigger_time: 1234.567890123\ntstamp      : 0.000000000\n"
        f"delay       : 8820\navail       : 0\navail_max   : 0\n-----\nhw_ptr      : {hw_ptr}\n"
        f"appl_ptr    : {hw_ptr + 8820}"
    )
    setup = "access: RW_INTERLEAVED\nformat: S16_LE\nsubformat: STD\nchannels: 2\nrate: 44100 (44100/1)"
    return status, f"{setup}\nperiod_size: 441\nbuffer_size: 8820"


def _device(port: str, vendor: str, product: str, cls: str, speed: str, power: str) -> Files:
    return {
        "busnum": port.partition("-")[0],
        "devpath": port.partition("-")[2],
        "idVendor": vendor,
        "idProduct": product,
        "bcdDevice": "0100",
        "bDeviceClass": cls,
        "bDeviceProtocol": "00",
        "bConfigurationValue": "1",
        "bMaxPower": power,
        "speed": speed,
        "maxchild": "0",
        "authorized": "1",
    }


def _power(control: str, status: str, suspended: str) -> Files:
    return {
        "power/control": control,
        "power/runtime_status": status,
        "power/autosuspend_delay_ms": "2000",
        "power/runtime_active_time": "100000",
        "power/runtime_suspended_time": suspended,
        "power/wakeup": "",
    }


def _interface(port: str, number: int, cls: str, authorized: bool = True) -> Files:
    name = f"{port}:1.{number}"
    return {
        f"{name}/bInterfaceClass": cls,
        f"{name}/bInterfaceNumber": f"{number:02d}",
        f"{name}/authorized": "1" if authorized else "0",
    }


def _descriptor(cls: int) -> str:
    """An interface's descriptor (USB 2.0, 9.6.5); foh reads only the class."""
    return "".join(map(chr, (9, 4, 0, 0, 0, cls, 0, 0, 0)))


def _ports(hub: str, interface: str) -> Files:
    return {f"{interface}/{hub}-port{number}/over_current_count": "0" for number in range(1, 5)}
