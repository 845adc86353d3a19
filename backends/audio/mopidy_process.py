"""Mopidy's processes: the one behind a listening port, and those that were meant for it and do not have it.

Blocking (reads /proc); runs in the source's thread.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from configparser import RawConfigParser
from pathlib import Path

import psutil
from msgspec import Struct

from backends.audio.accounts import accounts, sharers
from backends.audio.mopidy_config import config_files, frontend_of, is_server, merged, output_of, zone_name
from backends.contract import Evidence, Id, Key, Link, Unknown, Why
from backends.kinds import Number

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


class Player(Struct, frozen=True):
    """A Mopidy's process by its command line: where its HTTP frontend should listen ("": nowhere that is known), when
    it was started, in seconds since the epoch, and which streaming accounts it has (accounts.py)."""

    pid: int
    http: str
    started: float
    accounts: tuple[str, ...] | Unknown = ()

    def evidence(self, now: float) -> tuple[Evidence, ...]:
        said = f"process {self.pid}, started {moment(self.started)}, should listen at {self.http}"
        return (Evidence("rival", f"/proc/{self.pid}/cmdline and the configuration that it names", now, said),)


def moment(at: float) -> str:
    """The time of day, and the date unless it is today's."""
    then = time.localtime(at)
    return time.strftime("%H:%M:%S" if then[:3] == time.localtime()[:3] else "%d %b %H:%M", then)


class _Players:
    """The Mopidys among the processes. Each process is looked at when it is new: nine zones ask every second."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._first: dict[int, float] = {}
        self._found: dict[int, Player] = {}

    def now(self) -> list[Player]:
        now = time.monotonic()
        with self._turn:
            pids = set(psutil.pids())
            self._first = {pid: self._first.get(pid, now) for pid in pids}
            self._found = {pid: player for pid, player in self._found.items() if pid in pids}
            for pid, first in self._first.items():
                if now - first < SETTLED:
                    self._found.pop(pid, None)
                    if player := _player(pid):
                        self._found[pid] = player
            return list(self._found.values())


def _player(pid: int) -> Player | None:
    try:
        process = psutil.Process(pid)
        argv = process.cmdline()
        if not is_server(argv) or process.status() == psutil.STATUS_ZOMBIE:
            return None
        parent = process.parent()
        if parent and is_server(parent.cmdline()):  # forked, and not yet what it will be
            return None
        if Path(f"/proc/{pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink():  # a container's
            return None
        config = merged([Path(process.cwd()) / name for name in config_files(argv)])
        return Player(pid, frontend_of(config, argv, "http", "6680"), process.create_time(), _accounts(config))
    except (psutil.Error, OSError):
        return None


def _accounts(config: RawConfigParser | Unknown) -> tuple[str, ...] | Unknown:
    if isinstance(config, Unknown):
        return config
    return accounts(((name, dict(config[name])) for name in config.sections()), _salt())


def _salt() -> bytes:
    """What makes an account's mark this machine's own (machine-id(5))."""
    with contextlib.suppress(OSError):
        return Path("/etc/machine-id").read_bytes()
    return b""


def players() -> list[Player]:
    """The Mopidys that run here, as far as their command lines and configurations may be read."""
    return _players.now()


def meant_for(here: Sequence[Player], address: str, pid: Number) -> Player | None:
    """The latest of these whose HTTP frontend should listen at `address` and which is not `pid`, the one that does."""
    others = [player for player in here if player.http == address and player.pid != pid]
    return max(others, key=lambda player: player.started, default=None)


def accounts_of(here: Sequence[Player], pid: Number) -> tuple[str, ...] | Unknown:
    found = [player.accounts for player in here if player.pid == pid]
    return found[0] if found else Unknown(Why.DENIED, "its process, or its configuration, may not be looked at")


def account_links(here: Sequence[Player], id: Id, pid: Number) -> tuple[Link, ...]:
    """To the first of those who have the same account, so that all of them find each other through that one."""
    known = {player.http: player.accounts for player in here if isinstance(player.accounts, tuple)}
    mine = next((player.http for player in here if player.pid == pid), "")
    shared = sharers(mine, known)
    return tuple(
        Link(f"account {each}", Key("tcp", first, id.host), "both configurations name it", aside=True)
        for each, (first, *_) in shared.items()
        if first != mine
    )


_listeners = _Listeners()
_players = _Players()
