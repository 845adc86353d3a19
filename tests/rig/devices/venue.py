"""The emulated venue: which devices there are, in which ports they stick, and what goes wrong with them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol, TypeAlias

from backends.demo.firmware import SIGNALS, THIRD
from tests.rig.devices import video
from tests.rig.devices.amplifier import Hostile, OtherDac, Pcm2705C, UsbAudio
from tests.rig.devices.broken import Dead, Garbled
from tests.rig.devices.capture import Capturing, modes, working
from tests.rig.devices.device import Device
from tests.rig.devices.empty_hub import MULTI, SINGLE, EmptyHub
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
    @property
    def late(self) -> float: ...
    async def attach(self) -> None: ...
    async def detach(self) -> None: ...


@dataclass
class Place:
    """A device and where it belongs: the kernel calls port 3 "1-3"."""

    device: Device
    home: Port
    connection: Cable | None = None

    @property
    def plugged(self) -> Cable | None:
        return self.connection if self.connection is not None and self.connection.open else None

    @property
    def port(self) -> Port:
        return self.plugged.port if self.plugged else 0


class Venue:
    """Nine rooms with their boards, and on a shelf what a drill may plug in besides."""

    def __init__(self, connect: Callable[[Device, Any], Cable] = Connection) -> None:
        self._connect = connect
        shelf: dict[str, Device] = {"table": OtherDac(), "hostile": Hostile(), **working()}
        broken: dict[str, Device] = {"dead": Dead(), "garbled": Garbled()}
        hubs: dict[str, Device] = {"single": EmptyHub(SINGLE), "multi": EmptyHub(MULTI)}
        rooms: dict[str, Device] = {room: Pcm2705C() for room in ROOMS}
        self.places = {name: Place(device, port) for port, (name, device) in enumerate((rooms | shelf).items(), 1)}
        self.places |= {name: Place(device, 14) for name, device in (modes() | broken | hubs).items()}
        self._does: dict[str, Callable[..., Awaitable[Any]]] = {
            "plug": self.plug, "unplug": self.unplug, "home": self.go_home, "storm": self.storm, "freeze": self.freeze,
            "stall": self.stall, "press": self.press, "hear": self.hear, "report": self.report, "follow": self.follow,
            "followed": self.followed, "show": self.show, "pictures": self.pictures, "firmware": self.firmware,
            "over_current": self.over_current, "signal": self.signal,
        }  # fmt: skip

    async def do(self, what: str, arguments: dict[str, Any]) -> Any:
        """Obeys one command. Raises KeyError, TypeError (no such command), OSError (the kernel refuses)."""
        return await self._does[what](**arguments)

    async def plug(self, name: str, port: Port = 0) -> None:
        """Into its own port, or another."""
        place = self.places[name]
        if isinstance(place.device, Capturing) and not place.device.camera.pictures:
            place.device.camera.pictures = await asyncio.to_thread(video.made)
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
            well = place.plugged and not (place.plugged.frozen or place.device.stalled) and place.device.configured
            place.device.restore()
            right = place.home if name in ROOMS else 0
            if place.port and (place.port != right or not well):
                await self.unplug(name)
                await asyncio.sleep(DETECTED)
        for room in ROOMS:
            await self.plug(room)

    async def storm(self, name: str, pauses: Sequence[float]) -> None:
        """A bad cable: away for so many seconds and back for as many, again and again. In the end it holds."""
        for pause in pauses:
            await self.unplug(name)
            await asyncio.sleep(pause)
            await self.plug(name)
            await asyncio.sleep(pause)

    async def freeze(self, name: str) -> None:
        """Its stream stands still from now on, until it is configured anew, and nothing else tells of it."""
        connection = self.places[name].connection
        assert connection is not None
        connection.frozen = True

    async def stall(self, name: str, stalled: bool = True) -> None:
        """Refuses every request, until it is told otherwise."""
        self.places[name].device.stalled = stalled

    async def over_current(self, name: str, port: int, present: bool) -> None:
        """There is too much load at the port of an empty hub from now on, or no longer."""
        hub = self.places[name].device
        assert isinstance(hub, EmptyHub)
        hub.over_current(port, present)

    async def press(self, name: str, button: str) -> None:
        board = self.places[name].device
        assert isinstance(board, Pcm2705C)
        board.press(button)

    async def hear(self, name: str, seconds: float = 0.5) -> dict[str, Any]:
        return self._board(name).listen(seconds)

    async def follow(self) -> None:
        """Every room is played a recording that numbers its frames."""
        for room in ROOMS:
            self._board(room).follow()

    async def followed(self) -> dict[str, dict[str, int]]:
        return {room: self._board(room).followed() for room in ROOMS}

    async def show(self, name: str, what: str) -> None:
        """What a capture board's camera gives from now on: see video.py."""
        self._capturing(name).show(what)

    async def pictures(self, name: str) -> dict[str, list[str]]:
        """The SHA-256 of each picture that its camera can give, by what it shows."""
        every = self._capturing(name).camera.pictures
        return {what: [sha256(picture).hexdigest() for picture in group] for what, group in every.items()}

    async def firmware(self, name: str, generation: str = THIRD, hung: bool = False) -> None:
        """Another firmware runs on the capture board, or the one that runs hangs."""
        console = self._capturing(name).firmware
        console.generation, console.hung = generation, hung

    async def signal(self, name: str, what: str) -> None:
        """What the capture board's firmware says of its HDMI input from now on: see firmware.py."""
        if what not in SIGNALS:
            raise KeyError(what)
        self._capturing(name).firmware.signal = what

    def _capturing(self, name: str) -> Capturing:
        board = self.places[name].device
        assert isinstance(board, Capturing)
        return board

    def _board(self, name: str) -> UsbAudio:
        board = self.places[name].device
        assert isinstance(board, UsbAudio)
        return board

    async def report(self) -> dict[str, dict[str, Any]]:
        """What every device has noticed, in which port it is (0: in none), and how late it is on the bus."""
        return {
            name: {"port": place.port, "late": place.plugged.late if place.plugged else 0.0, **place.device.report()}
            for name, place in self.places.items()
        }
