"""The bytes in which a USB device says what it is (USB 2.0, chapter 9; the audio and communication classes). Pure."""

from __future__ import annotations

import struct

GET_STATUS, CLEAR_FEATURE, SET_FEATURE, SET_ADDRESS, GET_DESCRIPTOR = 0, 1, 3, 5, 6
GET_CONFIGURATION, SET_CONFIGURATION, GET_INTERFACE, SET_INTERFACE = 8, 9, 10, 11
DEVICE, CONFIGURATION, STRING, INTERFACE, ENDPOINT = 1, 2, 3, 4, 5
HID, REPORT, ASSOCIATION, CLASS_INTERFACE, CLASS_ENDPOINT = 0x21, 0x22, 0x0B, 0x24, 0x25
SET_CUR, GET_CUR, GET_MIN, GET_MAX, GET_RES = 0x01, 0x81, 0x82, 0x83, 0x84  # audio requests
SET_LINE_CODING, GET_LINE_CODING, SET_CONTROL_LINE_STATE, SEND_BREAK = 0x20, 0x21, 0x22, 0x23
AUDIO, COMMUNICATION, HID_CLASS, DATA, MISCELLANEOUS, VENDOR = 1, 2, 3, 10, 0xEF, 0xFF
ENGLISH = 0x0409
CONFIGURATION_SIZE = 9  # bytes before what belongs to it


def u16(number: int) -> bytes:
    return struct.pack("<H", number)


def u24(number: int) -> bytes:
    return struct.pack("<I", number)[:3]


def descriptor(kind: int, *parts: int | bytes) -> bytes:
    """One descriptor: its length, its kind, and the parts, numbers being bytes."""
    body = b"".join(part if isinstance(part, bytes) else bytes([part]) for part in parts)
    return bytes([len(body) + 2, kind]) + body


def interface(number: int, alternate: int, endpoints: int, cls: int, sub: int, protocol: int = 0) -> bytes:
    return descriptor(INTERFACE, number, alternate, endpoints, cls, sub, protocol, 0)


def endpoint(address: int, attributes: int, size: int, interval: int, *more: int) -> bytes:
    return descriptor(ENDPOINT, address, attributes, u16(size), interval, *more)


def string(text: str) -> bytes:
    """At most 126 UTF-16 units fit."""
    return descriptor(STRING, text.encode("utf-16-le")[:252])


def configuration(body: bytes, attributes: int, milliamperes: int) -> bytes:
    """The one configuration that a device here has, with all that belongs to it."""
    head = (u16(CONFIGURATION_SIZE + len(body)), interfaces(body), 1, 0, attributes, milliamperes // 2)
    return descriptor(CONFIGURATION, *head) + body


def interfaces(body: bytes) -> int:
    """How many interfaces there are, each counted once whatever its alternates."""
    numbers, at = set(), 0
    while at < len(body):
        if body[at + 1] == INTERFACE:
            numbers.add(body[at + 2])
        at += body[at]
    return len(numbers)
