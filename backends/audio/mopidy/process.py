"""The process behind a Mopidy's port, and what its configuration says.

Blocking (reads /proc); runs in the source's thread.
"""

from __future__ import annotations

from pathlib import Path

import psutil
from msgspec import Struct

from backends.audio.endpoints import server
from backends.audio.mopidy.config import config_files, frontend_of, merged, output_of, restores, zone_name
from backends.contract import Evidence, Key, Unknown, Why
from backends.foreign import is_address, stranger
from backends.helper.players import is_mopidy
from backends.kinds import OUTPUT, PROCESS

_LATER = Unknown(Why.NOT_YET)


class PlayerProcess(Struct, frozen=True):
    """A server's process on this host. `name` is the zone's name in its configuration ("": none), `mpd` is where its
    MPD frontend should listen ("": nowhere), `restores` whether it keeps its queue over a restart. `stranger`:
    whose it is, where that user's configuration is not believed."""

    pid: int | Unknown = _LATER
    output: str | Unknown = _LATER
    name: str = ""
    config: str = ""
    mpd: str = ""
    restores: bool | Unknown = _LATER
    stranger: str = ""

    def keys(self, host: str) -> tuple[Key, ...]:
        return (Key("pid", str(self.pid), host),) if isinstance(self.pid, int) else ()

    def evidence(self, now: float) -> tuple[Evidence, ...]:
        of = f", of {self.stranger}" if self.stranger else ""
        pid = Evidence(PROCESS, "listening sockets in /proc/net/tcp", now, f"{self.pid}{of}")
        output = Evidence(OUTPUT, f"audio/output in {self.config}", now, str(self.output))
        return (pid, output) if self.config else (pid,) if isinstance(self.pid, int) else ()


def behind(address: str) -> PlayerProcess:
    """The process that listens at `host:port` here, with its configuration as far as it can be read."""
    pid = server(address, is_mopidy)
    return PlayerProcess(pid, pid, restores=pid) if isinstance(pid, Unknown) else of(pid)


def of(pid: int) -> PlayerProcess:
    """The process with this pid, which may have ended."""
    try:
        process = psutil.Process(pid)
        argv, whose = process.cmdline(), stranger(process)
    except (psutil.Error, OSError):
        denied = Unknown(Why.DENIED, f"no permission to read /proc/{pid}/cmdline")
        return PlayerProcess(pid, denied, restores=denied)
    if whose:
        theirs = Unknown(Why.DENIED, f"its process belongs to {whose}, whose configuration foh does not read")
        return PlayerProcess(pid, theirs, restores=theirs, stranger=whose)
    try:
        directory = Path(process.cwd())
    except (psutil.Error, OSError):
        directory = Path("/")  # another user's: systemd's default directory for services
    files = [directory / name for name in config_files(argv)]
    config = merged(files)
    where, mpd = ":".join(map(str, files)), frontend_of(config, argv, "mpd", "")
    said = output_of(config, argv), zone_name(files), where, mpd if is_address(mpd) else "", restores(config, argv)
    return PlayerProcess(pid, *said)
