"""A high-speed USB hub with nothing in its ports: its transaction translators, and over-current at a port.

USB 2.0, chapter 11: requests (11.24), descriptors (11.23), the over-current protection (11.12.5).
"""

from __future__ import annotations

from typing import Any, ClassVar

from tests.rig.devices import descriptors as d
from tests.rig.devices.device import HIGH, SELF_POWERED, TO_DEVICE, Device, Request

HUB_CLASS, HUB_DESCRIPTOR = 9, 0x29
NO_TRANSLATOR, SINGLE, MULTI = 0, 1, 2  # protocols of the device and of its interface
CHANGES, INTERRUPT, EVERY = 0x81, 3, 12  # the endpoint that tells which ports have changed; 256 ms between two looks
POWER_AND_OVER_CURRENT_BY_PORT = 0x0009  # wHubCharacteristics
OVER_CURRENT, POWER, C_OVER_CURRENT = 3, 8, 19  # features of a port, which are the bits of its status
CHANGED = 16  # the first bit that tells of a change
TO_NOBODY = (1, 2, 4, 21, 22)  # features that concern what is in the port, or its light: ENABLE, SUSPEND, RESET...
TRANSLATOR_REQUESTS = (8, 9, 11)  # CLEAR_TT_BUFFER, RESET_TT, STOP_TT


class EmptyHub(Device):
    """Nothing can be plugged into it: vhci_hcd knows a device by the port of its own that it is in, and cannot tell a
    hub's packets from those of what is behind it.

    It cannot wake the bus, other than most hubs, as vhci_hcd takes no wake-up from a device: the kernel therefore never
    suspends it, and hears of each change."""

    speed, usb, packet = HIGH, 0x0200, 64
    attributes, milliamperes = SELF_POWERED, 100
    ids, maker, product = "1a40:0201", "Rig", "Empty Hub"
    ports: ClassVar[int] = 7

    def __init__(self, translators: int = SINGLE) -> None:
        """`translators` is SINGLE or MULTI."""
        super().__init__()
        self.cls = (HUB_CLASS, 0, translators)
        self._overloaded: set[int] = set()
        self._status: dict[int, int] = {}
        self.reset()

    def over_current(self, port: int, present: bool) -> None:
        """There is too much load at the port from now on, or no longer. The hub cuts it off."""
        (self._overloaded.add if present else self._overloaded.discard)(port)
        self._protect(port)

    def restore(self) -> None:
        super().restore()
        for port in list(self._overloaded):
            self.over_current(port, False)

    def reset(self) -> None:
        super().reset()
        self._status = dict.fromkeys(range(1, self.ports + 1), 0)

    def report(self) -> dict[str, Any]:
        return super().report() | {"ports": list(self._status.values())}

    # --- what it says of itself ----------------------------------------------------------------------------------

    def body(self) -> bytes:
        """One interface; with a translator for each port a second setting of it, in which they are used (11.23.1)."""
        several = self.cls[2] == MULTI
        endpoint = d.endpoint(CHANGES, INTERRUPT, self._bytes, EVERY)
        body = d.interface(0, 0, 1, HUB_CLASS, 0, SINGLE if several else NO_TRANSLATOR) + endpoint
        return body + d.interface(0, 1, 1, HUB_CLASS, 0, MULTI) + endpoint if several else body

    @property
    def _bytes(self) -> int:
        """Of a bit for each port, and one for the hub."""
        return self.ports // 8 + 1

    def _hub(self) -> bytes:
        ports = (bytes(self._bytes), b"\xff" * self._bytes)  # all removable; the second says nothing since USB 1.1
        return d.descriptor(HUB_DESCRIPTOR, self.ports, d.u16(POWER_AND_OVER_CURRENT_BY_PORT), 50, 100, *ports)

    # --- what it is asked ----------------------------------------------------------------------------------------

    def request(self, asked: Request) -> bytes | None:
        return self._of_hub(asked) if asked.recipient == TO_DEVICE else self._of_port(asked, asked.index & 0xFF)

    def _of_hub(self, asked: Request) -> bytes | None:
        match asked.code:
            case d.GET_DESCRIPTOR if asked.value >> 8 == HUB_DESCRIPTOR:
                return self._hub()
            case d.GET_STATUS:
                return bytes(4)  # it has its power, and enough of it
            case d.CLEAR_FEATURE if asked.value in (0, 1):
                return b""
        return None

    def _of_port(self, asked: Request, port: int) -> bytes | None:
        if asked.code in TRANSLATOR_REQUESTS:
            return b""
        if port not in self._status:
            return None
        match asked.code, asked.value:
            case d.GET_STATUS, 0:
                return self._status[port].to_bytes(4, "little")
            case d.SET_FEATURE, feature if feature == POWER:
                self._status[port] |= 1 << POWER
                self._protect(port)
            case d.CLEAR_FEATURE, feature if feature == POWER or CHANGED <= feature < CHANGED + 5:
                self._status[port] &= ~(1 << feature)
            case ((d.SET_FEATURE | d.CLEAR_FEATURE), feature) if feature in TO_NOBODY:
                pass
            case _:
                return None
        return b""

    def give(self, endpoint: int, length: int) -> bytes | None:
        """A bit for each port that has changed, for as long as the change is not cleared; bit 0 is the hub's."""
        changed = sum(1 << port for port, status in self._status.items() if status >> CHANGED)
        return changed.to_bytes(self._bytes, "little") if changed else None

    def _protect(self, port: int) -> None:
        """Power goes where there is too much load, and both the beginning and the end of it are changes to tell."""
        before, overloaded = self._status[port], port in self._overloaded
        now = (before | 1 << OVER_CURRENT) & ~(1 << POWER) if overloaded else before & ~(1 << OVER_CURRENT)
        if (before ^ now) >> OVER_CURRENT & 1:
            now |= 1 << C_OVER_CURRENT
        self._status[port] = now
        self.offer(CHANGES)
