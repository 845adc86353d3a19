"""HDMI capture boards: the identities that their modes have, and the firmware's console of the one that works."""

from __future__ import annotations

from typing import Any

from tests.rig.devices import descriptors as d
from tests.rig.devices.device import HIGH, Device, Request

NOTIFY, OUT, IN = 0x81, 0x02, 0x88  # endpoints
BULK, INTERRUPT = 2, 3
PROMPT = b"H2U 00:00:01> "
ANSWERS = {
    "status": "Input 0: 1280x720 (@60.00 Hz)\r\nInput 1: disconnected\r\nEncoder: 1280x720 (Q: 75)\r\n",
}


class Board(Device):
    """A capture board in a mode in which no driver takes it: a vendor's interface with a pair of bulk endpoints."""

    speed, usb, packet = HIGH, 0x0200, 64

    def __init__(self, ids: str, maker: str, product: str, release: int = 0x0100, serial: str = "") -> None:
        super().__init__()
        self.ids, self.maker, self.product, self.release, self.serial = ids, maker, product, release, serial

    def body(self) -> bytes:
        head = d.interface(0, 0, 2, d.VENDOR, 0xFF, 0xFF)
        return head + d.endpoint(OUT, BULK, 512, 0) + d.endpoint(IN, BULK, 512, 0)


class Opsis(Board):
    """A Numato Opsis at work: its firmware's console is /dev/ttyACM0. (Its picture is not emulated yet.)"""

    cls = (d.MISCELLANEOUS, 2, 1)

    def __init__(self, serial: str) -> None:
        super().__init__("2a19:5442", "TimVideos.us", "HDMI2USB.tv - Numato Opsis Board", serial=serial)
        self.commands: list[str] = []
        self._line, self._out = bytearray(), bytearray()
        self._coding = bytes.fromhex("00c20100000008")  # 115200 8N1

    def body(self) -> bytes:
        function = d.descriptor(d.ASSOCIATION, 0, 2, d.COMMUNICATION, 2, 0, 0)
        unions = (d.u16(0x0120), 0x00), (2, 0x02), (bytes([0, 1]), 0x06)
        control = d.interface(0, 0, 1, d.COMMUNICATION, 2)
        control += b"".join(d.descriptor(d.CLASS_INTERFACE, sub, what) for what, sub in unions)
        data = d.interface(1, 0, 2, d.DATA, 0)
        return (
            function + control + d.endpoint(NOTIFY, INTERRUPT, 8, 10)
            + data + d.endpoint(OUT, BULK, 512, 0) + d.endpoint(IN, BULK, 512, 0)
        )  # fmt: skip

    def request(self, asked: Request) -> bytes | None:
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
        for byte in data:
            if byte in b"\r\n":
                self._obey(self._line.decode("latin-1").strip())
                self._line.clear()
            else:
                self._line.append(byte)
                self._out.append(byte)
        self.offer(IN)

    def _obey(self, command: str) -> None:
        self.commands.append(command)
        self._out += b"\r\n" + ANSWERS.get(command, "Command not found\r\n" if command else "").encode() + PROMPT

    def give(self, endpoint: int, length: int) -> bytes | None:
        if endpoint != IN or not self._out:
            return None
        given = bytes(self._out[:length])
        del self._out[:length]
        return given

    def report(self) -> dict[str, Any]:
        return super().report() | {"commands": self.commands}


def modes() -> dict[str, Board]:
    """An Opsis and an Atlys in the modes in which they show nothing, by what they are called here."""
    numato, digilent = "Numato Lab", "Digilent"
    return {
        "opsis-unconfigured": Board("2a19:5440", numato, "Numato Opsis (Unconfigured)"),
        "opsis-jtag": Board("2a19:5441", numato, "Numato Opsis (JTAG Programming Mode)", release=0x0001),
        "atlys": Board("1443:0007", digilent, "Digilent Adept USB Device"),
    }
