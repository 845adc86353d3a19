"""The Mopidy processes on this host: where each should answer, which accounts it has, and what the other processes
mean for a zone."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Sequence
from configparser import RawConfigParser
from pathlib import Path

import psutil
from msgspec import Struct

from backends.audio.accounts import accounts, sharers
from backends.audio.mopidy.config import config_files, frontend_of, merged
from backends.contract import IO, Evidence, Id, Key, Link, Unknown, Why, clean
from backends.foreign import is_address, read_file, stranger
from backends.helper.players import is_mopidy
from backends.kinds import Number

ANSWER = 1.0  # seconds
LOOK, STEADY = 0.9, 2.9  # seconds for which a listing is valid: for a player that is down, and for one that is well
RIVAL = "rival for its port"  # the name of its evidence
SETTLED = 5.0  # seconds after which a new process no longer changes its program


class ListedPlayer(Struct, frozen=True):
    """A Mopidy process by its command line. `http` is where its HTTP frontend should listen ("": unknown), `started` in
    seconds since the epoch, `accounts` are its streaming accounts (accounts.py). `wrong`: what its
    configuration gives instead of an address."""

    pid: int
    http: str
    started: float
    accounts: tuple[str, ...] | Unknown = ()
    wrong: str = ""

    def evidence(self, now: float) -> tuple[Evidence, ...]:
        said = f"process {self.pid}, started {moment(self.started)}, should listen at {self.http}"
        return (Evidence(RIVAL, f"/proc/{self.pid}/cmdline and the configuration that it names", now, said),)


def moment(at: float) -> str:
    """The time of day, and the date if it is not today."""
    then = time.localtime(at)
    return time.strftime("%H:%M:%S" if then[:3] == time.localtime()[:3] else "%d %b %H:%M", then)


class _Players:
    """The Mopidys among the processes. Each process is inspected when it is new; one listing answers nine zones."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._first: dict[int, float] = {}
        self._found: dict[int, ListedPlayer] = {}
        self._listing: tuple[float, tuple[ListedPlayer, ...]] = (float("-inf"), ())
        self.going: asyncio.Future[tuple[ListedPlayer, ...]] | None = None  # the listing in progress

    @property
    def last(self) -> tuple[ListedPlayer, ...]:
        return self._listing[1]

    def known(self, valid: float) -> tuple[ListedPlayer, ...] | None:
        """The last listing if it is no older than so many seconds, the same object while nothing changed; else None."""
        at, found = self._listing
        return found if time.monotonic() - at < valid else None

    def now(self) -> tuple[ListedPlayer, ...]:
        """Lists the processes. Blocking."""
        now = time.monotonic()
        with self._turn:
            if (known := self.known(LOOK)) is not None:  # listed while we waited for the lock
                return known
            pids = set(psutil.pids())
            self._first = {pid: self._first.get(pid, now) for pid in pids}
            self._found = {pid: player for pid, player in self._found.items() if pid in pids}
            for pid, first in self._first.items():
                if now - first < SETTLED:
                    self._found.pop(pid, None)
                    if player := _player(pid):
                        self._found[pid] = player
            found = tuple(self._found.values())
            self._listing = (now, self._listing[1] if self._listing[1] == found else found)
            return self._listing[1]


def _player(pid: int) -> ListedPlayer | None:
    try:
        process = psutil.Process(pid)
        argv = process.cmdline()
        if not is_mopidy(argv) or process.status() == psutil.STATUS_ZOMBIE:
            return None
        parent = process.parent()
        if parent and is_mopidy(parent.cmdline()):  # forked, before its exec
            return None
        if Path(f"/proc/{pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink():  # a container's
            return None
        if stranger(process):  # what any user's process says of itself is no configuration
            return None
        config = merged([Path(process.cwd()) / name for name in config_files(argv)])
        address = frontend_of(config, argv, "http", "6680")
        http, wrong = (address, "") if is_address(address) else ("", clean(address, 60))
        return ListedPlayer(pid, http, process.create_time(), _accounts(config), wrong)
    except (psutil.Error, OSError):
        return None


def _accounts(config: RawConfigParser | Unknown) -> tuple[str, ...] | Unknown:
    if isinstance(config, Unknown):
        return config
    return accounts(((name, dict(config[name])) for name in config.sections()), _salt())


def _salt() -> bytes:
    """The key of the accounts' marks: this machine's own id (machine-id(5))."""
    with contextlib.suppress(OSError):  # without one the marks still distinguish accounts, but are no secret
        return read_file("/etc/machine-id")
    return b""


def name_of(pid: int) -> str:
    """A Mopidy's name in a sentence: its address if known."""
    return next((each.http for each in _players.last if each.pid == pid and each.http), f"process {pid}")


async def players(part: IO, valid: float = LOOK) -> tuple[ListedPlayer, ...]:
    """The Mopidys that run here, as far as their command lines and configurations can be read; the last listing if it
    is no older than `valid` seconds, or if this one times out. The same object while nothing changed. Needs a part of
    its own, because reading /proc/PID/cmdline of a process that hangs in the kernel can block."""
    known = _players.known(valid)
    if known is not None:
        return known
    if _players.going is not None:  # nine zones ask together: one lists, the others wait
        return await asyncio.shield(_players.going)
    found, _players.going = _players.last, asyncio.get_running_loop().create_future()
    try:
        found = await part.thread(_players.now, within=ANSWER)
    except TimeoutError:
        pass
    finally:
        _players.going.set_result(found)
        _players.going = None
    return found


def meant_for(here: Sequence[ListedPlayer], address: str, pid: Number) -> ListedPlayer | None:
    """The latest process, other than the listening process `pid`, whose HTTP frontend should listen at `address`."""
    others = [player for player in here if player.http == address and player.pid != pid]
    return max(others, key=lambda player: player.started, default=None)


class Neighbours(Struct, frozen=True):
    """What the other players here mean for one zone: a rival for its port, and links to players that share its
    accounts. `accounts` are the zone's own."""

    rival: ListedPlayer | None = None
    accounts: tuple[str, ...] | Unknown = Unknown()
    links: tuple[Link, ...] = ()


def neighbours(here: Sequence[ListedPlayer], id: Id, pid: Number) -> Neighbours:
    """`pid` is the zone's process, `id.local` its address."""
    mine = next((player for player in here if player.pid == pid), None)
    accounts = mine.accounts if mine else Unknown(Why.DENIED, "its process or its configuration cannot be read")
    return Neighbours(meant_for(here, id.local, pid), accounts, _links(here, id, mine.http if mine else ""))


def _links(here: Sequence[ListedPlayer], id: Id, mine: str) -> tuple[Link, ...]:
    """Links to the first player with the same account: through it all players with that account find each other."""
    known = {player.http: player.accounts for player in here if isinstance(player.accounts, tuple)}
    return tuple(
        Link(f"account {each}", Key("tcp", first, id.host), "both configurations name it")
        for each, (first, *_) in sharers(mine, known).items()
        if first != mine
    )


_players = _Players()
