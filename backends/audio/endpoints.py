"""Which process listens at an address of this host, and how many clients it has."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import psutil

from backends.audio import systemd
from backends.contract import Unknown, Why
from backends.foreign import stranger, user_name
from backends.helper.players import is_plain

LISTENING = "0A"  # a TCP socket's state in /proc/net/tcp
PATIENCE = 0.3  # seconds; loopback answers at once


async def listens(addresses: Iterable[str]) -> list[str]:
    """The addresses (`host:port`) that accept a connection."""
    asked = list(addresses)
    answers = await asyncio.gather(*map(_accepts, asked))
    return [address for address, accepts in zip(asked, answers, strict=True) if accepts]


async def _accepts(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True


def listener(address: str) -> int | Unknown:
    """The process that listens at `host:port` here. Blocking: reads every process."""
    host, _, port = address.rpartition(":")
    if host not in ("127.0.0.1", "localhost", "[::1]"):
        return Unknown(Why.NOT_APPLICABLE, "it runs on another host")
    pids = _listeners.now().get(int(port), frozenset())
    pid = next(iter(pids)) if len(pids) == 1 else None
    if pid is not None:
        return pid
    return Unknown(Why.DENIED, f"the listening process belongs to {owner(int(port)) or 'another user'}")


def owner(port: int) -> str:
    """The user whose process listens at this TCP port, which everybody may know; "" if none does (proc(5))."""
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError, ValueError, IndexError):  # no IPv6
            for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    return user_name(int(fields[7]))
    return ""


def server(address: str, is_server: Callable[[Sequence[str]], bool]) -> int | Unknown:
    """The same. If the socket belongs to another user, the main process of the service that has it, provided that its
    command line is a player's."""
    pid = listener(address)
    if isinstance(pid, int) or pid.why is not Why.DENIED:
        return pid
    try:
        unit = systemd.unit_at(int(address.rpartition(":")[2]))
        main = systemd.show(unit).main if unit and is_plain(unit.name) else 0
        return main if main and is_server(psutil.Process(main).cmdline()) else pid
    except (psutil.Error, OSError):  # no `ss`, or no systemd
        return pid


def whose(pid: int | Unknown) -> str:
    """The stranger whose process it is (foreign.py), or "". Blocking."""
    try:
        return stranger(psutil.Process(pid)) if isinstance(pid, int) else ""
    except psutil.Error:
        return ""


def connections(pid: int, port: int) -> int | Unknown | None:
    """How many clients the process has at that port; None if it does not listen there."""
    try:
        sockets = [each for each in psutil.Process(pid).net_connections("tcp") if each.laddr.port == port]
    except (psutil.Error, OSError):
        return Unknown(Why.DENIED, "its sockets may not be looked at: it belongs to another user")
    if not any(each.status == psutil.CONN_LISTEN for each in sockets):
        return None
    return len([each for each in sockets if each.status == psutil.CONN_ESTABLISHED])


class _Listeners:
    """The listening process of every TCP port. One search through all processes answers every caller that asked before
    it began: nine zones that start together wait for two searches, not for nine."""

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
