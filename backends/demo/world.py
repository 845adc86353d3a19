"""The embedded venue: nine zones and their boards, two capture boards, a mixer, two container hosts; and the director
that breaks things, so that there is something to fix."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from backends.demo.captures import Captures
from backends.demo.lxd import LxdServer
from backends.demo.lxd_shapes import Box
from backends.demo.mixer import Mixers
from backends.demo.mopidy import MopidyServer, Player, Track
from backends.demo.sound import DemoSoundServer
from backends.demo.tones import DemoTones
from backends.demo.trees import DemoBoard, Trees
from backends.demo.voctocore import Voctocore

HOST = "venue1"
ZONES = {
    "bar": "1-1.1", "foyer": "1-1.2", "mainhall": "1-1.3.1", "terrace": "1-1.3.2", "kitchen": "1-1.3.3",
    "gallery": "1-1.3.4", "greenroom": "1-1.4.1", "garden": "1-1.4.2", "office": "1-1.4.3",
}  # fmt: skip
THROUGH_SERVER = ("gallery", "greenroom")  # zones that play through the sound server
CAPTURES = {"2-1": "opsis", "2-2": "atlys"}
MUSIC = (
    Track("Blue in Green", "Miles Davis", 337), Track("Spiegel im Spiegel", "Arvo Pärt", 502),
    Track("Água de Beber", "Astrud Gilberto", 139), Track("Clair de Lune", "Claude Debussy", 300),
    Track("Night Train", "Oscar Peterson Trio", 292), Track("Gymnopédie No. 1", "Erik Satie", 186),
    Track("Peace Piece", "Bill Evans", 401), Track("Mo' Better Blues", "Branford Marsalis", 219),
    Track("Autumn Leaves", "Cannonball Adderley", 658),
)  # fmt: skip
BOXES = {
    "alpha": ("voctocore-room1", "ingest-room1", "encode1", "encode2", "schedule", "dns1"),
    "beta": ("voctocore-room2", "ingest-room2", "encode3", "website", "monitor", "dns2"),
}
TICK = 0.25  # seconds


class World:
    """All parts of the embedded venue. `folder` is its own and is removed with it."""

    def __init__(self, folder: Path, still: bool = False) -> None:
        self.folder, self.still = folder, still
        boards = [
            DemoBoard(name, port, "on" if name == "office" else "auto", hid_bound=name == "office")
            for name, port in ZONES.items()
        ]
        self.trees = Trees(folder, boards, CAPTURES, still=still)
        self.captures = Captures(folder / "dev", CAPTURES)
        self.mixers = Mixers(folder / "mixer", lambda: self.trees.cards)
        self.zones = {name: MopidyServer(player(number, name, still)) for number, name in enumerate(ZONES)}
        self.sound = DemoSoundServer(folder / "sound", {name: self.zones[name].player for name in THROUGH_SERVER})
        self.tones = DemoTones(folder / "tones", self._silent_cards)
        self.mixer = Voctocore(("lectern", "camera", "audience"))
        self.hosts = {name: LxdServer(str(folder / f"{name}.socket"), name, boxes(name)) for name in BOXES}
        self.trees.watchers.append(self.mixers.tell)
        if still:
            self.trees.unplug(ZONES["kitchen"])
            self.trees.set("2-2", "idProduct", "60b6")  # jtag
            self.trees.set("2-2", "bcdDevice", "0001")
        else:
            self.trees.streaming.add("2-1")  # the mixer takes its video

    def config(self) -> dict[str, object]:
        """The contents of its venue file. Call it when the servers listen."""
        inventory = [f"{HOST}/board/{port}" for port in ZONES.values()]
        inventory += [f"{HOST}/zone/127.0.0.1:{server.port}" for server in self.zones.values()]
        inventory += [f"{HOST}/capture/{port}" for port in CAPTURES]
        joins = []
        for name, port in ZONES.items():
            ends = {"pcm": f"pcm/hw:{name},0", "board": f"board/{port}", "mixer": f"control/hw:{name}/PCM"}
            if name in THROUGH_SERVER:
                ends["stream"] = f"stream/{THROUGH_SERVER.index(name)}@{self.sound.address}"
            joins += [{"of": f"zone/{name}", "relation": relation, "to": to} for relation, to in ends.items()]
        return {
            "host": HOST,
            "names": {f"zone/127.0.0.1:{server.port}": name for name, server in self.zones.items()}
            | {f"board/{port}": f"amp-{name}" for name, port in ZONES.items()}
            | {f"mixer/127.0.0.1:{self.mixer.port}": "room1"},
            "joins": joins,
            "inventory": inventory,
            "mopidy": {"endpoints": [server.endpoint for server in self.zones.values()]},
            "alsa": {"proc": str(self.trees.proc), "events": self.trees.events, "mixer": list(self.mixers.argv)},
            "pulse": {"servers": [self.sound.address], "child": list(self.sound.argv)},
            "usb": {**self.trees.usb, "tone": list(self.tones.argv)},
            "hdmi2usb": {"sysfs": str(self.trees.sysfs), "events": self.trees.events, **self.captures.settings},
            "voctomix": {"endpoints": [f"127.0.0.1:{self.mixer.port}"]},
            "lxd": {"sockets": [host.path for host in self.hosts.values()]},
        }

    @asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        """All servers listen while the body runs."""
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
            for server in self.zones.values():
                await server.start()
                stack.push_async_callback(server.stop)
            systems: list[Voctocore | LxdServer] = [self.mixer, *self.hosts.values()]
            for system in systems:
                await system.start()
                stack.push_async_callback(system.close)
            await stack.enter_async_context(self.captures.running())
            self.mixer.live()
            if self.still:
                self.mixer.blank()
                self.hosts["beta"].crash("encode3")
            running = [tasks.create_task(part.run()) for part in (self.trees, self.mixers, self.sound, self.tones)]
            running.append(tasks.create_task(self._sound()))
            if not self.still:
                running.append(tasks.create_task(self._direct()))
            try:
                yield self
            finally:
                for task in running:
                    task.cancel()

    def _silent_cards(self) -> set[str]:
        return {card for card in self.trees.cards if self.trees.sounds[card].state == "closed"}

    async def _sound(self) -> None:
        """Opens and closes PCMs for the players: a PCM runs while its zone plays and its board is present."""
        while True:
            for name in ZONES:
                player, there = self.zones[name].player, name in self.trees.cards
                player.advance()
                if player.state == "playing" and not there:
                    player.lost = True
                open_now = there and (player.state != "stopped" or player.held) and not player.lost
                state = "closed" if not open_now else "PAUSED" if player.state == "paused" else "RUNNING"
                if name in self.tones.playing:
                    state = "RUNNING"
                if there and self.trees.sounds[name].state != state:
                    self.trees.pcm(name, state, os.getpid() if state != "closed" else 0)
                    self.sound.look()
            await asyncio.sleep(TICK)

    async def _direct(self) -> None:
        """Repeats the scenes without end. Each waits until its trouble is fixed, or fixes it at last."""
        scenes: tuple[Callable[[], Awaitable[None]], ...] = (
            self._instance_stops, self._board_leaves, self._stream_is_blanked, self._amplifier_is_kept_awake,
            self._operation_fails, self._player_ends, self._capture_board_changes_mode, self._output_is_held,
            self._computer_is_unplugged, self._stream_is_moved,
        )  # fmt: skip
        while True:
            for scene in scenes:
                await asyncio.sleep(15)
                await scene()

    async def _board_leaves(self) -> None:
        self.trees.unplug(ZONES["kitchen"])
        await asyncio.sleep(45)
        self.trees.replug(ZONES["kitchen"])
        self.zones["kitchen"].player.stop()
        await asyncio.sleep(1)
        self.zones["kitchen"].player.play()

    async def _amplifier_is_kept_awake(self) -> None:
        self.trees.set(ZONES["garden"], "power/control", "on")
        await self._fixed(lambda: self.trees.get(ZONES["garden"], "power/control") == "auto", 120)
        self.trees.set(ZONES["garden"], "power/control", "auto")

    async def _stream_is_blanked(self) -> None:
        self.mixer.blank()
        await self._fixed(lambda: self.mixer.blank_source is None, 90)
        self.mixer.live()

    async def _instance_stops(self) -> None:
        self.hosts["beta"].crash("encode3")
        box = self.hosts["beta"].boxes["default", "encode3"]
        await self._fixed(lambda: box.status == "Running", 120)
        if box.status != "Running":
            self.hosts["beta"].revive("encode3")

    async def _operation_fails(self) -> None:
        host = self.hosts["alpha"]
        operation = host.add_operation("Migrating instance", "encode2")
        for sent in range(1, 16):
            host.progress(operation, f"encode2: {sent * 20.5:.2f}MB (20.50MB/s)")
            await asyncio.sleep(1)
        host.finish(operation, "Error transferring instance data: No space left on device (28)")

    async def _player_ends(self) -> None:
        await self.zones["terrace"].stop()
        await asyncio.sleep(30)
        await self.zones["terrace"].start()

    async def _capture_board_changes_mode(self) -> None:
        for attribute, value in (("bcdDevice", "0001"), ("idProduct", "60b6")):
            self.trees.set("2-2", attribute, value)
        await asyncio.sleep(45)
        for attribute, value in (("bcdDevice", "0101"), ("idProduct", "60b7")):
            self.trees.set("2-2", attribute, value)

    async def _computer_is_unplugged(self) -> None:
        self.captures.inside["2-1"].lose()
        await asyncio.sleep(45)
        self.captures.inside["2-1"].regain()

    async def _output_is_held(self) -> None:
        player = self.zones["gallery"].player
        player.run_out()
        await self._fixed(lambda: not player.held, 120)
        player.play()

    async def _stream_is_moved(self) -> None:
        strayed, into = THROUGH_SERVER
        self.sound.move(strayed, into)
        await self._fixed(lambda: self.sound.sink_of(strayed) == strayed, 120)
        self.sound.move(strayed, strayed)

    @staticmethod
    async def _fixed(done: Callable[[], bool], seconds: float) -> None:
        for _ in range(int(seconds / TICK)):
            if done():
                return
            await asyncio.sleep(TICK)


def player(number: int, name: str, still: bool) -> Player:
    """A zone's player. In a still world only the zone without its board says playing: a position that does not move
    would be a fault of any other zone."""
    tracks = [*MUSIC[number:], *MUSIC[:number]]
    if still:
        state = "playing" if name == "kitchen" else "stopped" if name in ("garden", "office") else "paused"
        return Player(tracks, state, 0 if name == "kitchen" else 37.0 + 11 * number, still=True)
    return Player(tracks, "stopped" if name == "office" else "playing", 7.0 * number)


def boxes(host: str) -> list[Box]:
    third = {"alpha": "1", "beta": "2"}[host]
    return [
        Box(name, memory=64.0 + 48 * number, address=f"10.0.{third}.{10 + number}")
        for number, name in enumerate(BOXES[host])
    ]
