"""The emulated venue: which devices there are, in which ports they stick, and what goes wrong with them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from tests.rig.devices.amplifier import Hostile, OtherDac, Pcm2705C, UsbAudio
from tests.rig.devices.capture import Opsis, modes
from tests.rig.devices.device import Device
from tests.rig.devices.vhci import Connection

Port: TypeAlias = int | str  # as the kernel counts: 3, or "1.3" behind a hub
ROOMS = ("bar", "foyer", "mainhall", "terrace", "kitchen", "gallery", "greenroom", "garden", "office")
SPARE = 15  # a port in which nothing belongs
DETECTED = 0.15  # seconds that the hub driver needs to see that a port is empty (drivers/usb/core/hub.c, debounce)


class Cable(Protocol):
    """What connects a device to a port, of vhci_hcd (vhci.py) or of QEMU (qemu.py)."""

    frozen: bool

    @property
    def port(self) -> Port: ...
    @property
    def open(self) -> bool: ...
    async def attach(self) -> None: ...
    async def detach(self) -> None: ...


@dataclass
class Place:
    """A device and where it belongs: the kernel calls port 3 "1-3"."""

    device: Device
    home: Port
    connection: Cable | None = None

    @property
    def port(self) -> Port:
        return self.connection.port if self.connection is not None and self.connection.open else 0


class Venue:
    """Nine rooms with their boards, and on a shelf what a drill may plug in besides."""

    def __init__(self, connect: Callable[[Device, Any], Cable] = Connection) -> None:
        self._connect = connect
        shelf: dict[str, Device] = {"table": OtherDac(), "hostile": Hostile(), "opsis": Opsis("0123456789abcdef")}
        rooms: dict[str, Device] = {room: Pcm2705C() for room in ROOMS}
        self.places = {name: Place(device, port) for port, (name, device) in enumerate((rooms | shelf).items(), 1)}
        self.places |= {name: Place(board, 13) for name, board in modes().items()}
        self._does: dict[str, Callable[..., Awaitable[Any]]] = {
            "plug": self.plug, "unplug": self.unplug, "home": self.go_home, "storm": self.storm, "freeze": self.freeze,
            "stall": self.stall, "press": self.press, "hear": self.hear, "report": self.report,
        }  # fmt: skip

    async def do(self, what: str, arguments: dict[str, Any]) -> Any:
        """Obeys one command. Raises KeyError, TypeError (no such command), OSError (the kernel refuses)."""
        return await self._does[what](**arguments)

    async def plug(self, name: str, port: Port = 0) -> None:
        """Into its own port, or another."""
        place = self.places[name]
        if not place.port:
            place.connection = self._connect(place.device, port or place.home)
            await place.connection.attach()

    async def unplug(self, name: str) -> None:
        place = self.places[name]
        if place.connection is not None and place.port:
            await place.connection.detach()
        place.connection = None

    async def go_home(self) -> None:
        """Every room's board in its own port and well, the shelf's devices back on the shelf."""
        for name, place in self.places.items():
            place.device.stalled = False
            right = place.home if name in ROOMS else 0
            if place.port and (place.port != right or (place.connection and place.connection.frozen)):
                await self.unplug(name)
                await asyncio.sleep(DETECTED)
        for room in ROOMS:
            await self.plug(room)

    async def storm(self, name: str, times: int, pause: float) -> None:
        """A bad cable: away and back, again and again."""
        for _ in range(times):
            await self.unplug(name)
            await asyncio.sleep(pause)
            await self.plug(name)
            await asyncio.sleep(pause)

    async def freeze(self, name: str) -> None:
        """Its stream stands still from now on, and nothing else tells of it."""
        connection = self.places[name].connection
        assert connection is not None
        connection.frozen = True

    async def stall(self, name: str, stalled: bool = True) -> None:
        """Refuses every request, until it is told otherwise."""
        self.places[name].device.stalled = stalled

    async def press(self, name: str, button: str) -> None:
        board = self.places[name].device
        assert isinstance(board, Pcm2705C)
        board.press(button)

    async def hear(self, name: str, seconds: float = 0.5) -> dict[str, Any]:
        board = self.places[name].device
        assert isinstance(board, UsbAudio)
        return board.listen(seconds)

    async def report(self) -> dict[str, dict[str, Any]]:
        """What every device has noticed, and in which port it is (0: in none)."""
        ports = {
            name: p.connection.port if p.connection and p.connection.open else 0 for name, p in self.places.items()
        }
        return {name: {"port": ports[name], **place.device.report()} for name, place in self.places.items()}
