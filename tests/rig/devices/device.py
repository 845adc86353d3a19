"""What all emulated USB devices have in common: descriptors, standard requests, transfers that wait for data."""

from __future__ import annotations

import struct
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.rig.devices import descriptors as d
from tests.rig.devices.usbip import Transfer

FULL, HIGH = 2, 3  # vhci_hcd's words for 12 and 480 Mbit/s (enum usb_device_speed)
BUS_POWERED, SELF_POWERED = 0x80, 0xC0  # neither can wake the bus: that would be another bit
STANDARD = 0
TO_DEVICE, TO_INTERFACE, TO_ENDPOINT = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Request:
    """A control request (USB 2.0, 9.3). `kind` is 0 for a standard one, 1 for a class's own."""

    to_host: bool
    kind: int
    recipient: int
    code: int
    value: int
    index: int
    length: int
    data: bytes

    @classmethod
    def of(cls, setup: bytes, data: bytes) -> Request:
        type, code, value, index, length = struct.unpack("<BBHHH", setup)
        return cls(bool(type & 0x80), type >> 5 & 3, type & 0x1F, code, value, index, length, data)


class Device:
    """A device that answers the standard requests. A subclass says what it is and what else it does."""

    speed: ClassVar[int] = FULL
    usb: ClassVar[int] = 0x0110
    cls: tuple[int, int, int] = (0, 0, 0)
    packet: ClassVar[int] = 8  # of endpoint 0
    attributes: ClassVar[int] = BUS_POWERED
    milliamperes: ClassVar[int] = 500
    ids: str
    maker: str
    product: str
    serial: str = ""
    release: int = 0x0100

    def __init__(self) -> None:
        self.transfers = 0  # since it was made
        self.heard_from_host = 0.0  # when, by time.monotonic
        self.stalled = False  # refuses whatever it is asked
        self.finish: Callable[[Transfer, bytes], None] | None = None  # while attached: ends a waiting transfer
        self.waiting: defaultdict[int, deque[Transfer]] = defaultdict(deque)
        self.alternates: dict[int, int] = {}
        self._configuration = 0

    # --- what a subclass says and does -------------------------------------------------------------------------

    def body(self) -> bytes:
        """Its configuration's interfaces and endpoints."""
        raise NotImplementedError

    def extra(self, kind: int, interface: int) -> bytes | None:
        """A descriptor that is asked for from an interface; None: there is none."""
        return None

    def request(self, asked: Request) -> bytes | None:
        """A class's own request; None refuses it (the endpoint stalls)."""
        return None

    def take(self, endpoint: int, data: bytes) -> None:
        """Data from the host."""

    def give(self, endpoint: int, length: int) -> bytes | None:
        """Data for the host; None: nothing yet, it has to wait."""
        return None

    def stream(self, endpoint: int, lengths: tuple[int, ...]) -> list[bytes]:
        """What fills the next isochronous packets, at most so many bytes each."""
        return [b""] * len(lengths)

    def restore(self) -> None:
        """As it came from its maker: whatever a drill has told it is over."""
        self.stalled = False

    def report(self) -> dict[str, Any]:
        """What it has noticed."""
        now = time.monotonic()
        return {
            "ids": self.ids, "transfers": self.transfers, "at": now, "quiet": now - self.heard_from_host,
            "configured": self.configured,
            "awaited": [endpoint for endpoint, queue in self.waiting.items() if queue],  # where the host wants data
        }  # fmt: skip

    # --- what its connection asks ------------------------------------------------------------------------------

    @property
    def configured(self) -> bool:
        """Whether the host has taken it into use since it was plugged in."""
        return self._configuration != 0

    def attach(self, finish: Callable[[Transfer, bytes], None]) -> None:
        self.reset()
        self.finish = finish

    def detach(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.finish, self._configuration = None, 0
        self.waiting.clear()
        self.alternates.clear()

    def note(self, now: float) -> None:
        """The host wants something, by time.monotonic: this device does not sleep."""
        self.transfers += 1
        self.heard_from_host = now

    def control(self, transfer: Transfer) -> bytes | None:
        """The answer on endpoint 0; None refuses."""
        if self.stalled:
            return None
        asked = Request.of(transfer.setup, transfer.data)
        answer = self._standard(asked) if asked.kind == STANDARD else self.request(asked)
        return answer if answer is None else answer[: transfer.length]

    def wait(self, transfer: Transfer) -> None:
        """The host wants data from an endpoint, as soon as there are any."""
        self.waiting[transfer.endpoint].append(transfer)
        self.offer(transfer.endpoint)

    def offer(self, endpoint: int) -> None:
        """Gives what there is to whoever waits for it."""
        queue = self.waiting[endpoint]
        while queue and self.finish and (data := self.give(endpoint, queue[0].length)) is not None:
            self.finish(queue.popleft(), data)

    def cancel(self, number: int) -> None:
        for endpoint, queue in self.waiting.items():
            self.waiting[endpoint] = deque(each for each in queue if each.number != number)

    # --- standard requests -------------------------------------------------------------------------------------

    def _standard(self, asked: Request) -> bytes | None:
        match asked.code:
            case d.GET_DESCRIPTOR:
                return self.describe(asked)
            case d.GET_STATUS:
                return d.u16(int(self.attributes == SELF_POWERED and asked.recipient == TO_DEVICE))
            case d.GET_CONFIGURATION:
                return bytes([self._configuration])
            case d.SET_CONFIGURATION:
                self._configuration = asked.value
            case d.GET_INTERFACE:
                return bytes([self.alternates.get(asked.index, 0)])
            case d.SET_INTERFACE:
                self.alternates[asked.index] = asked.value
            case d.CLEAR_FEATURE | d.SET_FEATURE | d.SET_ADDRESS:
                pass
            case _:
                return None
        return b""

    def describe(self, asked: Request) -> bytes | None:
        """The answer to GET_DESCRIPTOR."""
        kind, number = asked.value >> 8, asked.value & 0xFF
        if asked.recipient == TO_INTERFACE:
            return self.extra(kind, asked.index)
        strings = dict(enumerate(filter(None, (self.maker, self.product, self.serial)), 1))
        match kind:
            case d.DEVICE:
                vendor, product = (int(part, 16) for part in self.ids.split(":"))
                numbers = d.u16(vendor) + d.u16(product) + d.u16(self.release)
                index = 3 if self.serial else 0
                return d.descriptor(d.DEVICE, d.u16(self.usb), *self.cls, self.packet, numbers, 1, 2, index, 1)
            case d.CONFIGURATION:
                return d.configuration(self.body(), self.attributes, self.milliamperes)
            case d.STRING if number == 0:
                return d.descriptor(d.STRING, d.u16(d.ENGLISH))
            case d.STRING if number in strings:
                return d.string(strings[number])
        return None
