"""Runs under umockdev-wrapper with the system's Python: lays out the boards, then does what standard input says.

One JSON object a line, in and out. The descriptors follow TI's data sheet SBFS036 (three interfaces, 190 bytes of
configuration), the attributes drivers/usb/core/sysfs.c, /proc/asound sound/core/pcm.c and sound/usb/proc.c.
"""

import json
import os
import struct
import sys
import threading
from pathlib import Path

import gi

gi.require_version("UMockdev", "1.0")
from gi.repository import GLib, UMockdev  # noqa: E402

HOST = "/devices/pci0000:00/0000:00:14.0"
HUBS = (("usb1", ""), ("1-1", "usb1"), ("1-1.3", "usb1/1-1"), ("1-1.4", "usb1/1-1"))
BOARDS = ("1-1.1", "1-1.2", "1-1.3.1", "1-1.3.2", "1-1.3.3", "1-1.3.4", "1-1.4.1", "1-1.4.2", "1-1.4.3")
NAMES = ("bar", "foyer", "mainhall", "terrace", "kitchen", "gallery", "greenroom", "garden", "office")
FIRST = 5  # the first board's device number


def device_descriptor(vendor, product, cls=0, usb=0x0110, packet=8, strings=(1, 2)):
    return struct.pack(
        "<BBHBBBBHHHBBBB", 18, 1, usb, cls, 0, 1 if cls else 0, packet, vendor, product, 0x0100, *strings, 0, 1
    )


def hub_configuration():
    rest = bytes([9, 4, 0, 0, 1, 9, 0, 0, 0]) + struct.pack("<BBBBHB", 7, 5, 0x81, 3, 1, 12)
    return struct.pack("<BBHBBBBB", 9, 2, 9 + len(rest), 1, 1, 0, 0xE0, 50) + rest


def audio_configuration():
    """Interface 0 AudioControl, 1 AudioStreaming (off, stereo, mono), 2 HID; self-powered, 20 mA, no wakeup."""
    rest = bytes([9, 4, 0, 0, 0, 1, 1, 0, 0])
    rest += bytes([9, 0x24, 1, 0, 1, 40, 0, 1, 1]) + bytes([12, 0x24, 2, 1, 1, 1, 0, 2, 3, 0, 0, 0])
    rest += bytes([9, 0x24, 3, 2, 1, 3, 0, 3, 0]) + bytes([10, 0x24, 6, 3, 1, 1, 1, 2, 2, 0])
    rest += bytes([9, 4, 1, 0, 0, 1, 2, 0, 0])
    for setting, channels in ((1, 2), (2, 1)):
        rest += bytes([9, 4, 1, setting, 1, 1, 2, 0, 0]) + bytes([7, 0x24, 1, 1, 1, 1, 0])
        rest += bytes([17, 0x24, 2, 1, channels, 2, 16, 3])
        rest += b"".join(rate.to_bytes(3, "little") for rate in (32000, 44100, 48000))
        rest += struct.pack("<BBBBHBBB", 9, 5, 2, 9, 96 * channels, 1, 0, 0) + bytes([7, 0x25, 1, 1, 0, 0, 0])
    rest += bytes([9, 4, 2, 0, 1, 3, 0, 0, 0]) + bytes([9, 0x21, 0, 1, 0, 1, 0x22, 47, 0])
    rest += struct.pack("<BBBBHB", 7, 5, 0x85, 3, 1, 10)
    return struct.pack("<BBHBBBBB", 9, 2, 9 + len(rest), 3, 1, 0, 0xC0, 10) + rest


def place(port):
    """Where in /sys/devices a port is."""
    bus, _, path = port.partition("-")
    steps = path.split(".")
    return "/".join([HOST, f"usb{bus}", *(f"{bus}-{'.'.join(steps[:n])}" for n in range(1, len(steps) + 1))])


def node(path, devnum, descriptors, attributes, control):
    name = f"bus/usb/001/{devnum:03d}"
    power = {"control": control, "runtime_status": "active", "autosuspend_delay_ms": "2000", "wakeup": "",
             "runtime_active_time": "123456", "runtime_suspended_time": "0"}  # fmt: skip
    attributes = {"busnum": "1", "devnum": str(devnum), "bConfigurationValue": "1", "authorized": "1"} | attributes
    attributes |= {f"power/{key}": value for key, value in power.items()}
    lines = [
        f"P: {path}",
        f"N: {name}={descriptors.hex().upper()}",
        "E: SUBSYSTEM=usb",
        "E: DEVTYPE=usb_device",
        f"E: DEVNAME=/dev/{name}",
        "E: BUSNUM=001",
        f"E: DEVNUM={devnum:03d}",
        "E: MAJOR=189",
        f"E: MINOR={devnum - 1}",
        *(f"A: {key}={value}\\n" for key, value in attributes.items()),
        "H: descriptors=" + descriptors.hex().upper(),
    ]
    return "\n".join(lines) + "\n\n"


def interface(path, number, cls, driver):
    port = path.rsplit("/", 1)[1]
    if port.startswith("usb"):
        port = f"{port.removeprefix('usb')}-0"
    return (
        f"P: {path}/{port}:1.{number}\nE: SUBSYSTEM=usb\nE: DEVTYPE=usb_interface\nE: INTERFACE={cls}/0/0\n"
        f"A: bInterfaceClass={cls}\\n\nA: bInterfaceNumber={number:02d}\\n\nA: authorized=1\\n\n"
        f"L: driver=../../../../bus/usb/drivers/{driver}\n\n"
    )


def hub(name, above, devnum):
    root = name == "usb1"
    path = "/".join(filter(None, (HOST, above, name)))
    descriptors = device_descriptor(0x1D6B if root else 0x05E3, 2 if root else 0x0608, 9, 0x0200, 64)
    facts = {
        "idVendor": "1d6b" if root else "05e3",
        "idProduct": "0002" if root else "0608",
        "bDeviceClass": "09",
        "bDeviceProtocol": "01",
        "speed": "480",
        "bMaxPower": "0mA" if root else "100mA",
        "maxchild": "4",
        "product": "xHCI Host Controller" if root else "USB2.0 Hub",
    }
    return node(path, devnum, descriptors + hub_configuration(), facts, "auto") + interface(path, 0, "09", "hub")


def board(port, devnum):
    facts = {
        "idVendor": "08bb",
        "idProduct": "27c5",
        "bDeviceClass": "00",
        "bDeviceProtocol": "00",
        "speed": "12",
        "bMaxPower": "20mA",
        "maxchild": "0",
        "product": "USB AUDIO  DAC",
        "manufacturer": "BurrBrown from Texas Instruments",
    }
    path = place(port)
    return node(path, devnum, device_descriptor(0x08BB, 0x27C5) + audio_configuration(), facts, "on") + "".join(
        interface(path, number, cls, driver)
        for number, cls, driver in ((0, "01", "snd-usb-audio"), (1, "01", "snd-usb-audio"), (2, "03", "usbhid"))
    )


class World:
    def __init__(self):
        self.bed = UMockdev.Testbed.new()
        self.root = Path(self.bed.get_root_dir())
        self.next = FIRST
        self.numbers = {}
        self.bed.add_from_string("".join(hub(name, above, n) for n, (name, above) in enumerate(HUBS, 1)))
        for name, above in HUBS:
            self.hub_ports(name, above)
        for port in BOARDS:
            self.plug(port)
        self.cards()

    def hub_ports(self, name, above):
        base = self.root / "sys" / HOST.strip("/") / above / name
        inner = base / (f"{name.removeprefix('usb')}-0:1.0" if name.startswith("usb") else f"{name}:1.0")
        for number in range(1, 5):
            port = inner / f"{name}-port{number}"
            port.mkdir(parents=True)
            (port / "over_current_count").write_text("0\n")

    def plug(self, port):
        self.numbers[port] = self.next
        self.bed.add_from_string(board(port, self.next))
        self.next += 1

    def unplug(self, port):
        path = "/sys" + place(port)
        for number in (2, 1, 0):
            self.bed.uevent(f"{path}/{port}:1.{number}", "remove")
            self.bed.remove_device(f"{path}/{port}:1.{number}")
        self.bed.uevent(path, "remove")
        self.bed.remove_device(path)
        del self.numbers[port]
        self.cards()

    def replug(self, port):
        self.plug(port)
        self.cards()

    def cards(self):
        """/proc/asound for the boards that are there; a PCM keeps what `pcm` said of it."""
        base = self.root / "proc/asound"
        base.mkdir(parents=True, exist_ok=True)
        lines = ""
        for index, port in enumerate(BOARDS):
            folder, name = base / f"card{index}", NAMES[index]
            if port not in self.numbers:
                if folder.exists():
                    folder.rename(self.root / f"gone{index}.{self.next}")
                    (base / name).unlink()
                continue
            lines += f"{index:2d} [{name:<15}]: USB-Audio - USB AUDIO  DAC\n{'':22}BurrBrown from Texas Instruments\n"
            if not folder.exists():
                (folder / "pcm0p/sub0").mkdir(parents=True)
                (base / name).symlink_to(folder.name)
                self.pcm(index, "closed")
            (folder / "id").write_text(f"{name}\n")
            (folder / "usbid").write_text("08bb:27c5\n")
            (folder / "usbbus").write_text(f"001/{self.numbers[port]:03d}\n")
        (base / "cards").write_text(lines or "--- no soundcards ---\n")

    def pcm(self, card, state, pid=4242, hw_ptr=1000):
        folder = self.root / f"proc/asound/card{card}/pcm0p/sub0"
        if state == "closed":
            status = setup = "closed\n"
        else:
            status = (
                f"state: {state}\nowner_pid   : {pid}\ntrigger_time: 1234.567890123\ntstamp      : 0.000000000\n"
                f"delay       : 8820\navail       : 0\navail_max   : 0\n-----\nhw_ptr      : {hw_ptr}\n"
                f"appl_ptr    : {hw_ptr + 8820}\n"
            )
            setup = "access: RW_INTERLEAVED\nformat: S16_LE\nchannels: 2\nrate: 44100 (44100/1)\nperiod_size: 441\n"
        (folder / "status").write_text(status)
        (folder / "hw_params").write_text(setup)


def main():
    world = World()
    loop = GLib.MainLoop()
    threading.Thread(target=loop.run, daemon=True).start()
    print(json.dumps({"root": str(world.root), "preload": os.environ["LD_PRELOAD"]}), flush=True)
    for line in sys.stdin:
        message = json.loads(line)
        do = message.pop("do")
        try:
            {"unplug": world.unplug, "replug": world.replug, "pcm": world.pcm}[do](**message)
            answer = {}
        except Exception as error:  # noqa: BLE001  (told to the test)
            answer = {"error": f"{do}: {type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
