"""Real Mopidy servers on loopback, each a zone that plays generated files."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
from mutagen.flac import FLAC

from tests.patience import BOUND, until

ZONES = ("bar", "foyer", "mainhall", "terrace", "kitchen", "gallery", "greenroom", "garden", "office")

CONFIG = """
[core]
cache_dir = {state}/cache
config_dir = {state}/config
data_dir = {state}/data
[logging]
verbosity = 0
color = false
[audio]
mixer = software
mixer_volume = 40
output = {output}
[http]
hostname = 127.0.0.1
port = {port}
zeroconf =
[mpd]
enabled = {mpd}
hostname = 127.0.0.1
port = {mpd_port}
[local]
enabled = false
[file]
media_dirs = {media}
[m3u]
enabled = false
"""


PORTS = itertools.count(20000 + os.getpid() * 97 % 12000)  # other processes count from elsewhere


def free_port() -> int:
    """A port that stays free until its server takes it: each is given once, and the kernel, which would lend it to
    anybody, gives none below 32768 by itself."""
    for port in PORTS:
        with socket.socket() as probe, contextlib.suppress(OSError):  # somebody has it: the next one
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("they have no end")


def make_track(path: Path, title: str, artist: str = "Test Artist", length: int = 120, hertz: int = 440) -> Path:
    """A FLAC file with a tone of `length` seconds, made by GStreamer, with any tags, hostile ones included."""
    subprocess.run(
        ["gst-launch-1.0", "-q", "audiotestsrc", f"num-buffers={length * 44100 // 4096}", "samplesperbuffer=4096",
         f"freq={hertz}", "volume=0.5", "!", "audio/x-raw,rate=44100,channels=2", "!", "flacenc", "!",
         "filesink", f"location={path}"],
        check=True, timeout=BOUND, capture_output=True,
    )  # fmt: skip
    file = FLAC(path)
    file["title"], file["artist"] = title, artist
    file.save()
    return path


class RealMopidy:
    """One running server, and an outsider's own connection to it."""

    def __init__(
        self, name: str, folder: Path, output: str, env: Mapping[str, str], wait: bool = True, mpd: int = 0,
        more: str = "",
    ) -> None:  # fmt: skip
        """`mpd` is the port for phones (0: none), `more` what else its configuration has."""
        self.name, self.folder, self.port = name, folder, free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._env = {**os.environ, **env, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
        self.media = folder / "media"
        self.media.mkdir(parents=True, exist_ok=True)
        self.config = folder / f"{name}.conf"
        places = {"state": folder / "state", "output": output, "port": self.port, "media": self.media}
        self.config.write_text(CONFIG.format(**places, mpd=bool(mpd), mpd_port=mpd or 6600) + more)
        self.start(wait)

    def start(self, wait: bool = True) -> None:
        self._log = (self.folder / "mopidy.log").open("ab")
        self.process = subprocess.Popen(
            ["mopidy", "--config", str(self.config)], env=self._env, stdin=subprocess.DEVNULL,
            stdout=self._log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        if wait:
            self.wait()

    def wait(self) -> None:
        """Waits until it answers. Fails with its log."""
        until(lambda: self.process.poll() is not None or self.answers(), f"{self.name} answers", seen=self._said)
        assert self.process.poll() is None, f"Mopidy {self.name} did not start: {self._said()}"

    def answers(self) -> bool:
        try:
            return bool(self.rpc("core.get_version"))
        except httpx.HTTPError:
            return False

    def _said(self) -> str:
        return (self.folder / "mopidy.log").read_text(errors="replace")[-2000:]

    def rpc(self, method: str, **params: object) -> object:
        body = {"jsonrpc": "2.0", "id": 1, "method": method} | ({"params": params} if params else {})
        # Patiently: now and then one takes more than 5 s to stop, and how soon it does is its own affair.
        answer = httpx.post(f"{self.endpoint}/mopidy/rpc", json=body, timeout=BOUND, trust_env=False).json()
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["result"]

    def play(self, *tracks: Path) -> None:
        self.rpc("core.tracklist.clear")
        self.rpc("core.tracklist.add", uris=[track.as_uri() for track in tracks])
        self.rpc("core.playback.play")

    def until_it_plays(self) -> None:
        """One that is told to stop sooner, or loses its sink, may stand still at 0 s for good."""
        until(lambda: self.rpc("core.playback.get_time_position"), f"{self.name} has begun to play")

    def signal(self, number: signal.Signals) -> None:
        os.killpg(self.process.pid, number)

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._log.close()


@contextlib.contextmanager
def mopidies(
    folder: Path,
    names: tuple[str, ...] = ZONES,
    output: Callable[[str], str] = lambda name: "fakesink sync=true",
    env: Mapping[str, str] = {},
) -> Iterator[dict[str, RealMopidy]]:
    """As many servers as names, started side by side, all answering when the body begins."""
    servers: dict[str, RealMopidy] = {}
    try:
        for name in names:
            servers[name] = RealMopidy(name, folder / name, output(name), env, wait=False)
        for server in servers.values():
            server.wait()
        yield servers
    finally:
        for server in servers.values():
            server.stop()
