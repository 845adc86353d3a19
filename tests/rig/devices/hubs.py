"""`python -m tests.rig.devices.hubs QEMU ARGUMENT...`: runs that QEMU with the emulated venue on its USB ports.

The rooms' boards are spread over three hubs, one of them plugged into another. The guest gives its commands through
the virtio port "rig.venue", and nothing is plugged in before it says so. Ends when QEMU does.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Sequence
from functools import partial

from tests.rig.devices.commands import obey
from tests.rig.devices.qemu import Connection, Qemu
from tests.rig.devices.venue import ROOMS, Venue

HUBS = {"lobby": "1", "loft": "1.4", "stage": "2"}  # by where they are plugged in, the outer one first
ROOM_PORTS = dict(zip(ROOMS, ("1.1", "1.2", "1.3", "1.4.1", "1.4.2", "1.4.3", "2.1", "2.2", "2.3"), strict=True))
SPARE = "2.7"  # a port in which nothing belongs
OWN = "3"  # the machine's own, for what is too fast for QEMU's hubs


class Hubbed(Venue):
    """The same venue behind hubs."""

    def __init__(self, qemu: Qemu) -> None:
        super().__init__(partial(Connection, qemu))
        for name, place in self.places.items():
            place.home = ROOM_PORTS.get(name, OWN)
        self._qemu = qemu
        self._hubs: dict[str, str] = {}
        self._does |= {"plug_hub": self.plug_hub, "unplug_hub": self.unplug_hub}

    async def plug_hub(self, name: str) -> None:
        if name not in self._hubs:
            self._hubs[name] = await self._qemu.plug("usb-hub", HUBS[name])

    async def unplug_hub(self, name: str) -> None:
        """With all that is plugged into it."""
        within = f"{HUBS[name]}."
        await self._qemu.unplug(self._hubs[name])
        for other in [each for each in self._hubs if each == name or HUBS[each].startswith(within)]:
            del self._hubs[other]
        for place in self.places.values():
            if isinstance(place.connection, Connection) and place.connection.port.startswith(within):
                await place.connection.left()

    async def go_home(self) -> None:
        for name in HUBS:
            await self.plug_hub(name)
        await super().go_home()


async def run(argv: Sequence[str]) -> int:
    """QEMU's exit status."""
    qemu = Qemu()
    ours, theirs = socket.socketpair()
    with theirs:
        process = await qemu.start(argv, theirs)
    obeying = asyncio.create_task(obey(Hubbed(qemu), *await asyncio.open_connection(sock=ours)))
    status = await process.wait()
    obeying.cancel()
    return status


if __name__ == "__main__":
    sys.exit(asyncio.run(run(sys.argv[1:])))
