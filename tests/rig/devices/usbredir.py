"""The messages of usbredir, as QEMU's `usb-redir` speaks them (usbredir's docs/usb-redirection-protocol.md). Pure.

All numbers are little endian. Both sides greet first; what follows has 64 bit numbers and 32 bit bulk lengths, which
the greeting insists on.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.rig.devices import descriptors as d
from tests.rig.devices.usbip import Transfer

HELLO, CONNECT, RESET, INTERFACES, ENDPOINTS = 0, 1, 3, 4, 5
SET_CONFIGURATION, GET_CONFIGURATION, CONFIGURATION_STATUS = 6, 7, 8
SET_ALTERNATE, GET_ALTERNATE, ALTERNATE_STATUS = 9, 10, 11
START_STREAM, STOP_STREAM, STREAM_STATUS = 12, 13, 14
START_INTERRUPTS, STOP_INTERRUPTS, INTERRUPTS_STATUS = 15, 16, 17
CANCEL = 21
CONTROL, BULK, ISOCHRONOUS, INTERRUPT = 100, 101, 102, 103
DONE, CANCELLED, STALLED = 0, 1, 4  # statuses
NAME = b"foh rig".ljust(64, b"\0")
# By the bits' numbers: a connecting device says its version, endpoints their packets' sizes; wide numbers and lengths.
CAPABILITIES = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6
NOTHING = 0xFF  # the kind of an endpoint that is not there
MOST = 32  # interfaces, and endpoints, that a message has room for

_FIRST, _HEAD = struct.Struct("<III"), struct.Struct("<IIQ")  # kind, length, number
_CONTROL, _BULK, _PACKET = struct.Struct("<BBBBHHH"), struct.Struct("<BBHIH"), struct.Struct("<BBH")


@dataclass(frozen=True, slots=True)
class Message:
    """`number` is the host's own for what it asks; the answer bears the same one."""

    kind: int
    number: int
    body: bytes


class Reader:
    """Puts together what arrives in pieces."""

    def __init__(self) -> None:
        self._buffer, self._greeted = bytearray(), False

    def feed(self, data: bytes) -> Iterator[Message]:
        """The whole messages so far. Raises ValueError for a peer that we do not understand."""
        self._buffer += data
        while len(self._buffer) >= (head := _HEAD if self._greeted else _FIRST).size:
            kind, length, number = head.unpack_from(self._buffer)
            if len(self._buffer) < head.size + length:
                return
            body = bytes(self._buffer[head.size : head.size + length])
            del self._buffer[: head.size + length]
            if not self._greeted:
                _check(kind, body)
                self._greeted = True
            yield Message(kind, number, body)


def _check(kind: int, body: bytes) -> None:
    offered = int.from_bytes(body[64:68], "little")
    if kind != HELLO or offered & CAPABILITIES != CAPABILITIES:
        raise ValueError(f"not a usbredir peer that can what we need: message {kind}, capabilities {offered:#x}")


def hello() -> bytes:
    return _FIRST.pack(HELLO, 68, 0) + NAME + CAPABILITIES.to_bytes(4, "little")


def message(kind: int, number: int, body: bytes) -> bytes:
    return _HEAD.pack(kind, len(body), number) + body


def connect(speed: int, cls: tuple[int, int, int], ids: str, release: int) -> bytes:
    """`speed` is 0 for 1.5 Mbit/s, 1 for 12, 2 for 480."""
    vendor, product = (int(part, 16) for part in ids.split(":"))
    return message(CONNECT, 0, struct.pack("<BBBBHHH", speed, *cls, vendor, product, release))


def described(body: bytes, alternates: Mapping[int, int], packet: int) -> bytes:
    """Two messages that say which interfaces and endpoints there are, as the alternates are now. `packet` is the size
    of those of endpoint 0."""
    interfaces: list[tuple[int, int, int, int]] = []
    kinds, intervals, owners, sizes = [NOTHING] * MOST, [0] * MOST, [0] * MOST, [0] * MOST
    for control in (0, MOST // 2):
        kinds[control], sizes[control] = 0, packet
    at, here = 0, False
    while at < len(body):
        if body[at + 1] == d.INTERFACE:
            number, alternate, _, cls, sub, protocol = body[at + 2 : at + 8]
            here = alternate == alternates.get(number, 0)
            if here:
                interfaces.append((number, cls, sub, protocol))
        elif body[at + 1] == d.ENDPOINT and here:
            address, attributes, size, interval = struct.unpack_from("<BBHB", body, at + 2)
            place = (address & 0x80) >> 3 | address & 0x0F
            kinds[place], intervals[place], sizes[place] = attributes & 3, interval, size
            owners[place] = interfaces[-1][0]
        at += body[at]
    columns = (bytes(column).ljust(MOST, b"\0") for column in zip(*interfaces, strict=True))
    said = struct.pack("<I", len(interfaces)) + b"".join(columns)
    table = bytes(kinds) + bytes(intervals) + bytes(owners) + struct.pack(f"<{MOST}H", *sizes)
    return message(INTERFACES, 0, said) + message(ENDPOINTS, 0, table)


def transfer(asked: Message) -> Transfer:
    """What a CONTROL, BULK, ISOCHRONOUS or INTERRUPT message wants moved."""
    if asked.kind == CONTROL:
        endpoint, code, type, _, value, index, length = _CONTROL.unpack_from(asked.body)
        setup = struct.pack("<BBHHH", type, code, value, index, length)
        return Transfer(asked.number, endpoint, length, setup, asked.body[_CONTROL.size :], 0, ())
    if asked.kind == BULK:
        endpoint, _, low, _, high = _BULK.unpack_from(asked.body)
        return Transfer(asked.number, endpoint, high << 16 | low, bytes(8), asked.body[_BULK.size :], 0, ())
    endpoint, _, length = _PACKET.unpack_from(asked.body)
    return Transfer(asked.number, endpoint, length, bytes(8), asked.body[_PACKET.size :], 0, ())


def done(kind: int, moved: Transfer, status: int, count: int, data: bytes = b"") -> bytes:
    """The answer to a message of that kind: how many bytes moved, and which where they go to the host."""
    if kind == CONTROL:
        type, code, value, index, _ = struct.unpack("<BBHHH", moved.setup)
        head = _CONTROL.pack(moved.endpoint, code, type, status, value, index, count)
    elif kind == BULK:
        head = _BULK.pack(moved.endpoint, status, count & 0xFFFF, 0, count >> 16)
    else:
        head = _PACKET.pack(moved.endpoint, status, count)
    return message(kind, moved.number, head + data)
