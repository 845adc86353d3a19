"""HDMI capture boards: the identities that their modes have, and the one that works."""

from __future__ import annotations

import time
from typing import Any

from backends.demo.firmware import Firmware
from tests.rig.devices import descriptors as d
from tests.rig.devices import video
from tests.rig.devices.device import HIGH, Device, Request

NOTIFY, OUT, IN, PICTURE = 0x81, 0x02, 0x88, 0x86  # endpoints
BULK, INTERRUPT = 2, 3
CONSOLE, LINE, CAMERA, STREAM = 0, 1, 2, 3  # interfaces
NUMATO, TIMVIDEOS, DIGILENT = "Numato Lab", "TimVideos.us", "Digilent"


class Board(Device):
    """A capture board in a mode in which no driver takes it: a vendor's interface with a pair of bulk endpoints."""

    speed, usb, packet = HIGH, 0x0200, 64

    def __init__(self, ids: str, maker: str, product: str, release: int = 0x0100, serial: str = "") -> None:
        super().__init__()
        self.ids, self.maker, self.product, self.release, self.serial = ids, maker, product, release, serial

    def body(self) -> bytes:
        head = d.interface(0, 0, 2, d.VENDOR, 0xFF, 0xFF)
        return head + d.endpoint(OUT, BULK, 512, 0) + d.endpoint(IN, BULK, 512, 0)


class Capturing(Board):
    """A board at work: a camera, and its firmware's console beside it."""

    cls = (d.MISCELLANEOUS, 2, 1)

    def __init__(self, ids: str, maker: str, product: str, release: int = 0x0100, serial: str = "") -> None:
        super().__init__(ids, maker, product, release, serial)
        self.camera = video.Camera()
        self.firmware = Firmware()
        self._out = bytearray()
        self._coding = bytes.fromhex("00c20100000008")  # 115200 8N1

    def restore(self) -> None:
        super().restore()
        self.camera.show(video.MOVING)
        self.firmware = Firmware()

    def show(self, what: str) -> None:
        """What the camera gives from now on (video.py); the firmware knows whether there is a signal."""
        self.camera.show(what)
        self.firmware.signal = "none" if what in video.NO_SIGNAL else "good"

    def body(self) -> bytes:
        return self._console() + video.function(CAMERA, STREAM, PICTURE)

    def _console(self) -> bytes:
        function = d.descriptor(d.ASSOCIATION, CONSOLE, 2, d.COMMUNICATION, 2, 0, 0)
        unions = (d.u16(0x0120), 0x00), (2, 0x02), (bytes([CONSOLE, LINE]), 0x06)
        control = d.interface(CONSOLE, 0, 1, d.COMMUNICATION, 2)
        control += b"".join(d.descriptor(d.CLASS_INTERFACE, sub, what) for what, sub in unions)
        data = d.interface(LINE, 0, 2, d.DATA, 0)
        return (
            function + control + d.endpoint(NOTIFY, INTERRUPT, 8, 10)
            + data + d.endpoint(OUT, BULK, 512, 0) + d.endpoint(IN, BULK, 512, 0)
        )  # fmt: skip

    def request(self, asked: Request) -> bytes | None:
        if asked.index & 0xFF in (CAMERA, STREAM):
            return self.camera.request(asked) if asked.index & 0xFF == STREAM else None
        match asked.code:
            case d.SET_LINE_CODING:
                self._coding = asked.data[:7]
            case d.GET_LINE_CODING:
                return self._coding
            case d.SET_CONTROL_LINE_STATE | d.SEND_BREAK:
                pass
            case _:
                return None
        return b""

    def take(self, endpoint: int, data: bytes) -> None:
        self._out += self.firmware.receive(data, time.monotonic())
        self.offer(IN)

    def give(self, endpoint: int, length: int) -> bytes | None:
        if endpoint != IN or not self._out:
            return None
        given = bytes(self._out[:length])
        del self._out[:length]
        return given

    def stream(self, endpoint: int, lengths: tuple[int, ...]) -> list[bytes]:
        return self.camera.packets(lengths)

    def report(self) -> dict[str, Any]:
        return super().report() | {"commands": self.firmware.commands, "pictures": self.camera.sent}


def working() -> dict[str, Capturing]:
    """The two boards as they capture, by what they are called here."""
    return {
        "opsis": Capturing("2a19:5442", TIMVIDEOS, "HDMI2USB.tv - Numato Opsis Board", serial="0123456789abcdef"),
        "atlys": Capturing("1d50:60b7", TIMVIDEOS, "HDMI2USB.tv - Digilent Atlys Board", serial="fedcba9876543210"),
    }


def modes() -> dict[str, Board]:
    """Every other identity that the two boards have (boards.py of HDMI2USB-mode-switch), and two relatives that
    capture nothing, by what they are called here."""
    opsis, atlys = "HDMI2USB.tv - Numato Opsis", "HDMI2USB.tv - Digilent Atlys"
    return {
        "opsis-unconfigured": Board("2a19:5440", NUMATO, "Numato Opsis (Unconfigured)"),
        "opsis-bare": Board("04b4:8613", "Cypress", "EZ-USB FX2"),
        "opsis-jtag": Board("2a19:5441", NUMATO, f"{opsis} (JTAG)", 0x0001),
        "opsis-eeprom": Board("2a19:5441", NUMATO, f"{opsis} (EEPROM)", 0x0002),
        "opsis-serial": Board("2a19:5441", NUMATO, f"{opsis} (Serial)", 0x0003),
        "opsis-test-serial": Board("2a19:5441", NUMATO, f"{opsis} (Test)", 0x0011),
        "opsis-test-audio": Board("2a19:5441", NUMATO, f"{opsis} (Test)", 0x0012),
        "opsis-test-uvc": Board("2a19:5441", NUMATO, f"{opsis} (Test)", 0x0013),
        "opsis-ixo": Board("16c0:06ad", "ixo.de", "USB-JTAG-IF", 0x0004, "hw_opsis"),
        "atlys-maker": Board("1443:0007", DIGILENT, "Digilent Adept USB Device"),
        "atlys-unconfigured": Board("1d50:60b5", TIMVIDEOS, f"{atlys} (Unconfigured)"),
        "atlys-jtag": Board("1d50:60b6", TIMVIDEOS, f"{atlys} (JTAG)", 0x0001),
        "atlys-test": Board("1d50:60b6", TIMVIDEOS, f"{atlys} (Test)", 0x0010),
        "atlys-test-uvc": Board("1d50:60b6", TIMVIDEOS, f"{atlys} (Test)", 0x0013),
        "atlys-ixo": Board("16c0:06ad", "ixo.de", "USB-JTAG-IF", 0x0001, "hw_nexys"),
        "expansion": Board("2a19:5445", NUMATO, "TOFE LowSpeedIO"),
        "uart": Board("04e2:1410", "Exar", "XR21V1410"),
    }
