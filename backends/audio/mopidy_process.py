"""The process behind a listening port: its pid, and the output that its configuration names.

Blocking (reads /proc); runs in the source's thread.
"""

from __future__ import annotations

import configparser
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import psutil
from msgspec import Struct

from backends.contract import Evidence, Key, Unknown, Why, clean

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
    return Process(pid, output_of(config, argv), zone_name(files), ":".join(map(str, files)), mpd_of(config))


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


def config_files(argv: Sequence[str]) -> list[str]:
    """The files in `--config A:B` of Mopidy's command line; later files win."""
    for index, word in enumerate(argv):
        if word.startswith("--config="):
            return word.removeprefix("--config=").split(":")
        if word == "--config" and index + 1 < len(argv):
            return argv[index + 1].split(":")
    return []


def merged(files: Sequence[Path]) -> configparser.RawConfigParser | Unknown:
    """The configuration that these files make together."""
    parser = configparser.RawConfigParser(strict=False, inline_comment_prefixes=(";",))
    for file in files:
        try:
            # A part may be a directory of *.conf files, read in order, as Mopidy does.
            parser.read(sorted(file.glob("*.conf")) if file.is_dir() else file, "utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError) as error:
            return Unknown(Why.MALFORMED, clean(f"{file}: {error}"))
    if not files or not parser.sections():
        return Unknown(Why.DENIED, "its configuration is not known or may not be read")
    return parser


def output_of(config: configparser.RawConfigParser | Unknown, argv: Sequence[str]) -> str | Unknown:
    """`audio/output`; `-o audio/output=...` on the command line wins."""
    for option in argv:
        if option.startswith("audio/output="):
            return clean(option.removeprefix("audio/output="))
    return config if isinstance(config, Unknown) else clean(config.get("audio", "output", fallback="autoaudiosink"))


def mpd_of(config: configparser.RawConfigParser | Unknown) -> str:
    """host:port of the MPD frontend; "" where the files have none, or one on a unix socket."""
    if isinstance(config, Unknown) or not config.has_section("mpd"):
        return ""
    mpd = config["mpd"]
    host, port = mpd.get("hostname", "127.0.0.1"), mpd.get("port", "6600")
    if mpd.get("enabled", "true").casefold() in ("false", "no", "off", "0") or host.startswith("unix:"):
        return ""
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1", "": "127.0.0.1"}
    return f"{anywhere.get(host, host)}:{port}" if port.isascii() and port.isdecimal() else ""


def zone_name(files: Sequence[Path]) -> str:
    """`zones/bar.conf` names the zone bar; Mopidy's own `mopidy.conf` names nothing."""
    named = [file.stem for file in files if file.suffix == ".conf" and file.stem != "mopidy"]
    return clean(named[-1], 40) if named else ""
