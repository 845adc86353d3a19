"""Mopidy's processes: the one behind a listening port, and those that were meant for it and do not have it.

Blocking (reads /proc); runs in the source's thread.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from pathlib import Path

import psutil
from msgspec import Struct

from backends.audio.mopidy_config import config_files, frontend_of, merged, output_of, zone_name
from backends.contract import Evidence, Key, Unknown, Why

LOOK = 0.9  # seconds for which what was found is good enough
SETTLED = 5.0  # seconds until a new process has become the program that it stays
_LATER = Unknown(Why.NOT_YET)


class Process(Struct, frozen=True):
    """What is known of a server's process on this host. `name` is empty where its configuration gives none, `mpd` is
    where its MPD frontend should listen ("": nowhere)."""

    pid: int | Unknown = _LATER
    output: str | Unknown = _LATER
    name: str = ""
    config: str = ""
    mpd: str = ""

    def keys(self, host: str) -> tuple[Key, ...]:
        return (Key("pid", str(self.pid), host),) if isinstance(self.pid, int) else ()

    def evidence(self, now: float) -> tuple[Evidence, ...]:
        pid = Evidence("pid", "listening sockets in /proc/net/tcp", now, str(self.pid))
        output = Evidence("output", f"audio/output in {self.config}", now, str(self.output))
        return (pid, output) if self.config else (pid,) if isinstance(self.pid, int) else ()


def listener(address: str) -> Process:
    """The process that listens at `host:port` here, and its configuration as far as it may be read."""
    host, _, port = address.rpartition(":")
    if host not in ("127.0.0.1", "localhost", "[::1]"):
        away = Unknown(Why.NOT_APPLICABLE, "it runs on another host")
        return Process(away, away)
    pids = _listeners.now().get(int(port), frozenset())
    pid = next(iter(pids)) if len(pids) == 1 else None
    if pid is None:
        denied = Unknown(Why.DENIED, "the listening process belongs to another user")
        return Process(denied, denied)
    try:
        process = psutil.Process(pid)
        argv, directory = process.cmdline(), Path(process.cwd())
    except (psutil.Error, OSError):
        return Process(pid, Unknown(Why.DENIED, f"/proc/{pid}/cmdline may not be read"))
    files = [directory / name for name in config_files(argv)]
    config = merged(files)
    mpd = frontend_of(config, argv, "mpd", "")
    return Process(pid, output_of(config, argv), zone_name(files), ":".join(map(str, files)), mpd)


class _Listeners:
    """Who listens at which TCP port. One search through every process answers all who asked before it began: nine
    zones that start together wait for two searches, not for nine."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._begun = 0.0
        self._found: dict[int, frozenset[int | None]] = {}

    def now(self) -> dict[int, frozenset[int | None]]:
        asked = time.monotonic()
        with self._turn:
            if self._begun < asked:
                self._begun, self._found = time.monotonic(), self._search()
            return self._found

    @staticmethod
    def _search() -> dict[int, frozenset[int | None]]:
        try:
            sockets = psutil.net_connections("tcp")
        except psutil.AccessDenied:
            return {}
        pids: defaultdict[int, set[int | None]] = defaultdict(set)
        for socket in sockets:
            if socket.status == psutil.CONN_LISTEN:
                pids[socket.laddr.port].add(socket.pid)
        return {port: frozenset(found) for port, found in pids.items()}


_listeners = _Listeners()
