"""Real ALSA mixers and PCMs without sound hardware: a private PulseAudio with null sinks, seen through the `pulse`
plugin of alsa-lib (pulseaudio, libasound2-plugins), as devices `zone1`, `zone2`...

`with pulse.bed(9) as bed:` starts it; a program started with `bed.env` sees these devices and no others.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.patience import BOUND, until


class Bed:
    """The running server. `env` is for programs inside; `pactl` is the outsider who changes things."""

    def __init__(self, folder: Path, sinks: int) -> None:
        self.folder, self.names = folder, tuple(f"zone{n}" for n in range(1, sinks + 1))
        self.socket, self.controls = folder / "native", tuple(f"{name}/Master" for name in self.names)
        self.env = {"ALSA_CONFIG_PATH": str(folder / "asound.conf"), "PULSE_SERVER": f"unix:{self.socket}"}
        self.settings: dict[str, dict[str, Any]] = {"alsa": {}}
        self.process: subprocess.Popen[bytes] | None = None
        self._players: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Raises RuntimeError with the server's log when it does not come up."""
        home = {
            "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder),
            "PULSE_RUNTIME_PATH": str(self.folder),
        }
        log = self.folder / "log"
        self.process = subprocess.Popen(
            ["pulseaudio", "-n", "-F", str(self.folder / "pulse.pa"), "--daemonize=no", "--exit-idle-time=-1",
             "--use-pid-file=no", "--disable-shm=yes", "--realtime=no", "--high-priority=no",
             f"--log-target=file:{log}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, env={**os.environ, **home},
        )  # fmt: skip
        process = self.process

        def said() -> str:
            return log.read_text() if log.exists() else "no log"

        def up() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"PulseAudio did not start: {said()}")
            return self.names[-1] in self._ask("list", "short", "sinks")

        until(up, "PulseAudio has its sinks", seen=said)

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        for player in self._players:
            player.kill()
            player.wait()
        self._players.clear()
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.socket.unlink(missing_ok=True)

    def pactl(self, *words: str) -> str:
        """An outsider's command. Raises RuntimeError when it fails."""
        done = subprocess.run(
            ["pactl", *words], env={**os.environ, **self.env}, capture_output=True, text=True, timeout=BOUND
        )
        if done.returncode:
            raise RuntimeError(f"pactl {' '.join(words)}: {done.stderr}")
        return done.stdout

    def level(self, control: str, percent: int) -> None:
        self.pactl("set-sink-volume", _sink(control), f"{percent}%")

    def mute(self, control: str, muted: bool) -> None:
        self.pactl("set-sink-mute", _sink(control), str(int(muted)))

    def heard(self, control: str) -> tuple[int, bool]:
        """Level and mute as the sound server has them."""
        volume = self.pactl("get-sink-volume", _sink(control)).partition("%")[0].split()[-1]
        return int(volume), "yes" in self.pactl("get-sink-mute", _sink(control))

    def remove(self, sink: str) -> None:
        """The sink goes; the server moves what plays into it."""
        modules = (line.split("\t") for line in self.pactl("list", "short", "modules").splitlines())
        (module,) = (words[0] for words in modules if f"sink_name={sink}" in words[2].split())
        self.pactl("unload-module", module)

    def restore(self, sink: str) -> None:
        self.pactl("load-module", *_null_sink(sink).split()[1:])

    def player(self, sink: str, name: str, *properties: str) -> subprocess.Popen[bytes]:
        """A program of that name that plays silence into the sink until the server is stopped, or it is killed.
        `properties` are what else it says of itself, as NAME=VALUE."""
        said = (f"--client-name={name}", *(f"--property={each}" for each in properties))
        words = ("--playback", "--raw", f"--device={sink}", *said, "/dev/zero")
        started = subprocess.Popen(
            ["pacat", *words], env={**os.environ, **self.env, "LC_ALL": "C.UTF-8"}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._players.append(started)
        return started

    def inputs(self) -> dict[str, tuple[int, str]]:
        """As the server has them: each sink input's index and sink, by the process id of its client."""
        sinks = {sink["index"]: sink["name"] for sink in json.loads(self.pactl("-f", "json", "list", "sinks"))}
        found = json.loads(self.pactl("-f", "json", "list", "sink-inputs"))
        return {
            each["properties"].get("application.process.id", ""): (each["index"], sinks.get(each["sink"], ""))
            for each in found
        }

    def _ask(self, *words: str) -> str:
        try:
            return self.pactl(*words)
        except RuntimeError:
            return ""


def _sink(control: str) -> str:
    return control.removesuffix("/Master")


def _configuration(bed: Bed) -> str:
    zones = "".join(
        f'pcm.{name} {{ type pulse server "unix:{bed.socket}" device "{name}" '
        f'hint {{ show on description "{name}" }} }}\n'
        f'ctl.{name} {{ type pulse server "unix:{bed.socket}" device "{name}" }}\n'
        for name in bed.names
    )
    return f"</usr/share/alsa/alsa.conf>\n{zones}"


def _null_sink(name: str) -> str:
    shape = f"rate=44100 channels=2 sink_properties=device.description={name}"
    return f"load-module module-null-sink sink_name={name} {shape}"


def _script(bed: Bed) -> str:
    sinks = "".join(f"{_null_sink(name)}\n" for name in bed.names)
    return f"load-module module-native-protocol-unix auth-anonymous=1 socket={bed.socket}\n{sinks}"


@contextlib.contextmanager
def bed(sinks: int = 9) -> Iterator[Bed]:
    """Raises RuntimeError with the reason when it cannot start."""
    for program in ("pulseaudio", "pactl"):
        if shutil.which(program) is None:
            raise RuntimeError(f"{program} is missing: apt install pulseaudio libasound2-plugins")
    with tempfile.TemporaryDirectory(prefix="pulse-", ignore_cleanup_errors=True) as folder:
        started = Bed(Path(folder), sinks)
        (started.folder / "pulse.pa").write_text(_script(started))
        (started.folder / "asound.conf").write_text(_configuration(started))
        try:
            started.start()
            yield started
        finally:
            started.stop()
