"""One whole real venue: nine Mopidy servers that play through ALSA into nine sinks, nine boards and their PCMs in
umockdev, a voctocore, an LXD; and the venue file that joins them.

    with venue.bed(folder) as real: a program started with `real.env` sees all of it and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

from mutagen.flac import FLAC

from tests.integration.beds import pulse, usb
from tests.integration.beds.lxd import Lxd
from tests.integration.beds.mopidy import RealMopidy, make_track
from tests.integration.beds.voctocore import Voctocore
from tests.patience import BOUND

HOST = "hall"
PORTS = dict(zip(usb.NAMES, usb.PORTS, strict=True))
SINKS = {name: f"zone{number}" for number, name in enumerate(usb.NAMES, 1)}


class Venue:
    """The running parts, each an outsider's handle."""

    def __init__(self, folder: Path, sound: pulse.Bed, boards: usb.Bed, core: Voctocore, lxd: Lxd) -> None:
        self.folder, self.sound, self.boards, self.core, self.lxd = folder, sound, boards, core, lxd
        self.zones: dict[str, RealMopidy] = {}
        self.state = folder / "state"
        self.env = {
            **sound.env,
            **boards.env,
            "FOH_VENUE": str(folder / "venue.toml"),
            "FOH_STATE": str(self.state),
        }
        self._tone = make_track(folder / "tone.flac", "tone", length=300)

    def open(self) -> None:
        """Starts the zones side by side, lets each play, and writes the venue file."""
        for name, sink in SINKS.items():
            place, output = self.folder / "zones" / name, f"alsasink device={sink}"
            self.zones[name] = RealMopidy(name, place, output, self.sound.env, wait=False)
        for zone in self.zones.values():
            zone.wait()
        for name, port in PORTS.items():
            self.play(name)
            self.boards.set(port, "power/control", "auto")
        self.lxd.lxc("config", "set", "web1", "boot.autostart", "true")
        (self.folder / "venue.toml").write_text(self.file())

    def track(self, zone: str, title: str) -> Path:
        """A file with this title that the zone may play."""
        path = self.zones[zone].media / f"{random.randrange(10**9)}.flac"
        shutil.copy(self._tone, path)
        file = FLAC(path)
        file["title"] = title
        file.save()
        return path

    def play(self, zone: str, title: str = "tone") -> None:
        """From elsewhere: the zone plays this; its card says so."""
        self.zones[zone].play(self.track(zone, title))
        self.sound_card(zone, "playing")

    def sound_card(self, zone: str, state: str) -> None:
        """Its card and its board do what the kernel's would under a player in that state."""
        word = {"playing": "RUNNING", "paused": "PAUSED", "stopped": "closed"}[state]
        self.boards.pcm(zone, word, self.zones[zone].process.pid)
        self.boards.set(PORTS[zone], "power/runtime_status", "suspended" if word == "closed" else "active")

    def restart(self, zone: str, title: str) -> None:
        server = self.zones[zone]
        server.stop()
        server.start()
        self.play(zone, title)

    def lose_board(self, zone: str) -> None:
        """Its board is unplugged, and what it played into takes no more, as with the real one."""
        self.sound.pactl("suspend-sink", SINKS[zone], "1")
        self.boards.unplug(PORTS[zone])

    def return_board(self, zone: str, title: str = "tone") -> None:
        """Plugged in again; a udev rule sets its power policy, and the player takes it up again."""
        self.sound.pactl("suspend-sink", SINKS[zone], "0")
        self.boards.replug(PORTS[zone])
        self.boards.set(PORTS[zone], "power/control", "auto")
        self.play(zone, title)

    def tell(self, *lines: str) -> None:
        """Somebody else's commands to the core; returns when it has taken them."""
        host, port = self.core.endpoint.split(":")
        with socket.create_connection((host, int(port)), BOUND) as other:
            other.sendall("".join(f"{line}\n" for line in (*lines, "fetch_value end")).encode())
            said = b""
            while b"value end" not in said and (more := other.recv(4096)):
                said += more

    def file(self) -> str:
        """The venue file, as an operator would have written it."""
        names = {f"board/{port}": f"amp-{name}" for name, port in PORTS.items()}
        names[f"mixer/{self.core.endpoint}"] = "stage"
        lines = [f'host = "{HOST}"', "[names]", *(f'"{id}" = "{name}"' for id, name in names.items())]
        for name, port in PORTS.items():
            ends = {"board": f"board/{port}", "pcm": f"pcm/hw:{name},0", "mixer": f"control/{SINKS[name]}/Master"}
            for relation, to in ends.items():
                lines += ["[[joins]]", f'of = "zone/{name}"', f'relation = "{relation}"', f'to = "{to}"']
        sections: dict[str, dict[str, list[str]]] = {
            "mopidy": {"endpoints": [zone.endpoint for zone in self.zones.values()]},
            "alsa": {"mixer": self.boards.settings["alsa"]["mixer"]},
            "voctomix": {"endpoints": [self.core.endpoint]},
            "lxd": {"sockets": [self.lxd.socket]},
        }
        for section, settings in sections.items():
            lines += [f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in settings.items())]
        return "\n".join(lines) + "\n"

    def mend(self) -> None:
        """Puts right whatever is broken: everything runs, is plugged in and plays."""
        for part in (self.sound, self.core, self.lxd):
            if not part.runs:
                part.start()
        self.lxd.signal(signal.SIGCONT)
        for name, zone in self.zones.items():
            if zone.process.poll() is None:
                zone.signal(signal.SIGCONT)
            else:
                zone.start()
            self.sound.mute(f"{SINKS[name]}/Master", False)
            if self.boards.device(PORTS[name]).exists():
                self.sound.pactl("suspend-sink", SINKS[name], "0")
                self.play(name)
            else:
                self.return_board(name)
        self.tell("set_stream_live")
        if "RUNNING" not in self.lxd.lxc("list", "web1"):
            self.lxd.lxc("start", "web1")

    def close(self) -> None:
        for zone in self.zones.values():
            zone.signal(signal.SIGCONT)
            zone.stop()


@contextlib.contextmanager
def bed(folder: Path) -> Iterator[Venue]:
    """Everything plays when the body begins. Raises RuntimeError with the log of what does not start."""
    with contextlib.ExitStack() as stack:
        sound = stack.enter_context(pulse.bed(len(SINKS)))
        boards = stack.enter_context(usb.bed())
        core = Voctocore(folder)
        stack.callback(core.close)
        lxd = Lxd()
        stack.callback(lxd.close)
        venue = Venue(folder, sound, boards, core, lxd)
        stack.callback(venue.close)
        venue.open()
        yield venue
