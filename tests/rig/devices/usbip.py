"""The messages of USB/IP, as the kernel's vhci_hcd speaks them (Documentation/usb/usbip_protocol.rst). Pure.

All numbers are big endian; every message begins with a head of 48 bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

HEAD = 48
SUBMIT, UNLINK, SUBMITTED, UNLINKED = 1, 2, 3, 4
NOT_ISOCHRONOUS = 0xFFFFFFFF
STALLED, CANCELLED, SHUT_DOWN = -32, -104, -108  # EPIPE, ECONNRESET, ESHUTDOWN: the kernel's own words for a transfer
PACKET = struct.Struct(">IIiI")  # offset, length, actual length, status


@dataclass(slots=True)
class Transfer:
    """What the host wants moved (an URB). `endpoint` has bit 7 set where the device is to send."""

    number: int
    endpoint: int
    length: int
    setup: bytes
    data: bytes
    start_frame: int
    packets: tuple[int, ...]  # lengths of an isochronous transfer's packets; empty for any other

    @property
    def to_host(self) -> bool:
        return bool(self.endpoint & 0x80)


@dataclass(slots=True)
class Cancel:
    """The host wants a transfer back."""

    number: int
    target: int


def parse(buffer: bytearray) -> Iterator[Transfer | Cancel]:
    """Takes the whole messages off the buffer's beginning. Raises ValueError for what is none."""
    while len(buffer) >= HEAD:
        kind, number, _, to_host, endpoint = struct.unpack_from(">5I", buffer)
        if kind == UNLINK:
            (target,) = struct.unpack_from(">I", buffer, 20)
            del buffer[:HEAD]
            yield Cancel(number, target)
            continue
        if kind != SUBMIT:
            raise ValueError(f"there is no message {kind} from a USB/IP host")
        _, length, start_frame, count, _ = struct.unpack_from(">IiiIi", buffer, 20)
        count = 0 if count == NOT_ISOCHRONOUS else count
        sent = 0 if to_host else length
        if len(buffer) < HEAD + sent + count * PACKET.size:
            return
        setup, data = bytes(buffer[40:48]), bytes(buffer[HEAD : HEAD + sent])
        packets = buffer[HEAD + sent : HEAD + sent + count * PACKET.size]
        lengths = tuple(packet[1] for packet in PACKET.iter_unpack(packets))
        del buffer[: HEAD + sent + count * PACKET.size]
        yield Transfer(number, endpoint | (0x80 if to_host else 0), length, setup, data, start_frame, lengths)


def done(transfer: Transfer, status: int, moved: int, data: bytes = b"") -> bytes:
    """The answer to a transfer that is no isochronous one."""
    return _submitted(transfer, status, moved) + data


def paced(transfer: Transfer) -> bytes:
    """The answer to isochronous packets from the host: each arrived whole."""
    offset, packets = 0, bytearray()
    for length in transfer.packets:
        packets += PACKET.pack(offset, length, length, 0)
        offset += length
    return _submitted(transfer, 0, offset) + bytes(packets)


def gathered(transfer: Transfer, packets: Sequence[bytes]) -> bytes:
    """The answer to isochronous packets from the device: what is in each, one after the other."""
    offset, heads = 0, bytearray()
    for room, packet in zip(transfer.packets, packets, strict=True):
        heads += PACKET.pack(offset, room, len(packet), 0)
        offset += room
    data = b"".join(packets)
    return _submitted(transfer, 0, len(data)) + data + bytes(heads)


def cancelled(cancel: Cancel, found: bool) -> bytes:
    return struct.pack(">5Ii24x", UNLINKED, cancel.number, 0, 0, 0, CANCELLED if found else 0)


def _submitted(transfer: Transfer, status: int, moved: int) -> bytes:
    head = (SUBMITTED, transfer.number, 0, 0, 0, status, moved, transfer.start_frame, len(transfer.packets), 0)
    return struct.pack(">5Iiiiii8x", *head)
