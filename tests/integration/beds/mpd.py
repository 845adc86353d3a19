"""Real MPD servers on loopback that play generated files."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.integration.beds.mopidy import free_port, make_track
from tests.integration.beds.netns import wait_for
from tests.patience import BOUND, until

CONFIG = """
music_directory "{folder}/music"
db_file "{folder}/db"
bind_to_address "127.0.0.1"
port "{port}"
zeroconf_enabled "no"
mixer_type "software"
decoder {{
    plugin "wildmidi"
    enabled "no"
}}
audio_output {{
{output}
}}
{more}
"""
SILENT = 'type "null"\nname "nothing"\nmixer_type "software"'


class RealMpd:
    """One running server, and an outsider's own connection to it."""

    def __init__(self, folder: Path, output: str = SILENT, env: Mapping[str, str] = {}, more: str = "") -> None:
        """`output` is the inside of its `audio_output`, `more` is more of its configuration."""
        self.folder, self.port = folder, free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.music = folder / "music"
        self.music.mkdir(parents=True)
        self.config = folder / "mpd.conf"
        self.config.write_text(CONFIG.format(folder=folder, port=self.port, output=output, more=more))
        self._env = {**os.environ, **env, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
        self.start()

    def start(self) -> None:
        self._log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            ["mpd", "--no-daemon", "--stderr", str(self.config)], env=self._env, stdin=subprocess.DEVNULL,
            stdout=self._log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        wait_for("MPD", self.answers, self.folder / "log")

    def answers(self) -> bool:
        try:
            self.tell("ping")
        except OSError:
            return False
        return True

    def tell(self, *commands: str) -> list[str]:
        """An outsider's commands, each with its arguments quoted; the lines of the answers. Raises RuntimeError."""
        with (
            socket.create_connection(("127.0.0.1", self.port), BOUND) as connection,
            connection.makefile("rwb") as file,
        ):
            file.readline()
            lines = []
            for command in commands:
                file.write(command.encode() + b"\n")
                file.flush()
                while (line := file.readline().decode().rstrip("\n")) != "OK":
                    if line.startswith("ACK") or not line:
                        raise RuntimeError(f"{command}: {line}")
                    lines.append(line)
            return lines

    def play(self, *titles: str, length: int = 60) -> None:
        """Makes a track of each title, of `length` seconds, and plays them. A new server reads its music by itself, and
        a file no second time within the same second: it finds them only when they are whole."""
        for number, title in enumerate(titles):
            make_track(self.folder / "new.flac", title, length=length).rename(self.music / f"{number}.flac")
        self.rescan()
        self.tell("clear", *(f"add {number}.flac" for number in range(len(titles))), "play")

    def rescan(self) -> None:
        """Reads the files' tags again; what is queued takes them on."""
        self.tell("update")
        until(lambda: not any(line.startswith("updating_db") for line in self.tell("status")))

    def signal(self, number: signal.Signals) -> None:
        os.killpg(self.process.pid, number)

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._log.close()
