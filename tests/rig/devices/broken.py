"""Devices that are broken inside: what a kernel meets of them."""

from __future__ import annotations

from tests.rig.devices import descriptors as d
from tests.rig.devices.amplifier import UsbAudio
from tests.rig.devices.device import Request
from tests.rig.devices.usbip import Transfer


class Dead(UsbAudio):
    """Draws power, and refuses to say what it is: the kernel gives it up."""

    ids, maker, product = "08bb:27c5", "", ""

    def control(self, transfer: Transfer) -> bytes | None:
        return None


class Garbled(UsbAudio):
    """A DAC whose descriptors turn to nonsense where its stream should be described: one has no length."""

    ids, maker, product = "08bb:27c5", "Burnt", "DAC"

    def describe(self, asked: Request) -> bytes | None:
        said = super().describe(asked)
        if said is None or asked.value >> 8 != d.CONFIGURATION:
            return said
        sound = d.CONFIGURATION_SIZE + len(self.function())
        return said[:sound] + bytes(1) + said[sound + 1 :]
