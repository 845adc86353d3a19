"""PulseAudio (or PipeWire in its place): which stream plays into which sink, through pulsectl in a child process.

A sound server moves streams by itself: when a sink goes, its streams move to the default sink, and neither the player
nor its position shows it. foh is an ordinary client, which opens no stream and keeps no sink awake.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import stat
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from backends.audio.pulse import model
from backends.audio.pulse.lines import BEAT, Failure, Move, ServerReport
from backends.audio.pulse.rules import STREAM_RULES
from backends.contract import IO, Backend, Context, Need, Observation, Offer, Plan, Source, Step, clean
from backends.foreign import read_file
from backends.interpreter import python
from backends.kinds import STREAM

SYSTEM = "the sound server"
SILENCE = 3 * BEAT
SERVERS = ("pulseaudio", "pipewire-pulse", "pipewire")  # programs that speak its protocol
CHILD = python("backends.audio.pulse.child")


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`servers`: PulseAudio's addresses, such as "unix:/run/pulse/native" or "tcp:127.0.0.1". Empty: the server that
    this user's programs play to, if it runs and `own` is true. `child` is a seam (lines.py): the command to which the
    address is appended."""

    servers: list[str] = []
    own: bool = True
    child: tuple[str, ...] = CHILD


class SoundServer:
    """One sound server. `folder` holds its process id if it was discovered (see `runs`)."""

    def __init__(self, host: str, address: str, child: Sequence[str] = CHILD, folder: Path | None = None) -> None:
        self.host, self.address, self._folder = host, address, folder
        self.name = clean(f"pulse {address}")
        self._argv = (*child, address)
        self._first: model.First = {}

    async def watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        await self._must_run(io)
        async with io.child(self._argv, SYSTEM, SILENCE, looks=True) as child:
            while True:
                report = self._report(await child.receive())
                self._first = model.first_sinks(self._first, report)
                found = model.streams(self.host, self.address, report, self._first, io.clock())
                yield Observation(complete=True, upserts=found)

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        await self._must_run(io)
        async with io.child((*self._argv, "obey"), SYSTEM, SILENCE) as child:
            report = self._report(await child.receive())
            return model.plan(offer, args, self.host, self.address, report, io.clock())

    async def do(self, step: Step, io: IO) -> None:
        await self._must_run(io)
        async with io.child((*self._argv, "obey"), SYSTEM, SILENCE) as child:
            self._report(await child.receive())
            await child.send(msgspec.to_builtins(msgspec.convert(step.args, Move)))
            self._report(await child.receive())

    def _report(self, message: dict[str, Any]) -> ServerReport:
        """The report in a message. Raises the error of a Failure."""
        if "failed" in message:
            raise model.failure(msgspec.convert(message, Failure), self.address)
        return msgspec.convert(message, ServerReport)

    async def _must_run(self, io: IO) -> None:
        """Checks that the server runs, because connecting to systemd's socket would start it."""
        if self._folder and not await io.thread(runs, self._folder):
            raise ConnectionRefusedError(f"the sound server at {clean(self.address)} does not run")


def runs(folder: Path) -> bool:
    """Whether a running sound server has its socket there. Blocking."""
    try:
        is_socket = stat.S_ISSOCK((folder / "native").stat().st_mode)
        return is_socket and Path(f"/proc/{int(read_file(folder / 'pid', 20))}").exists()
    except (OSError, ValueError):  # not there, or another user's
        return False


def folders(environ: Mapping[str, str], user: int) -> list[Path]:
    """Where libpulse looks for the sound server: this user's, then the machine's."""
    own = [Path(environ["PULSE_RUNTIME_PATH"])] if environ.get("PULSE_RUNTIME_PATH") else []
    runtime = Path(environ.get("XDG_RUNTIME_DIR") or f"/run/user/{user}")
    return [*own, runtime / "pulse", Path("/run/pulse")]


def own(environ: Mapping[str, str]) -> tuple[str, Path | None] | None:
    """The address of the server that this user's programs play to, and its folder; None if none runs. Blocking."""
    if address := environ.get("PULSE_SERVER"):
        return address, None
    found = next((folder for folder in folders(environ, os.getuid()) if runs(folder)), None)
    return (f"unix:{found / 'native'}", found) if found else None


async def discover(context: Context, io: IO) -> Sequence[Source]:
    settings: Settings = context.settings
    if settings.servers or not settings.own:
        return [SoundServer(context.host, address, settings.child) for address in settings.servers]
    found = await io.thread(own, context.environ)
    if not found:  # it may be down
        installed = await io.thread(lambda: any(map(shutil.which, SERVERS)))
        return context.known if installed else ()
    return [SoundServer(context.host, found[0], settings.child, found[1])]


def needs(context: Context) -> Sequence[Need]:
    settings: Settings = context.settings
    ours = own(context.environ) if settings.own else None
    servers = settings.servers or ([ours[0]] if ours else [])
    if not servers:
        return (Need("a sound server", True, "none of this user's runs, so no streams are watched"),)
    there, lacks = importlib.util.find_spec("pulsectl") is not None, _lacks("libpulse.so.0")
    return (
        Need("a sound server", True, ", ".join(map(clean, servers))),
        Need("pulsectl", there, "installed" if there else "missing", "pip install pulsectl"),
        Need("libpulse", not lacks, lacks or "loaded", "apt install libpulse0"),
    )


def _lacks(library: str) -> str:
    """Why a shared library cannot be loaded, or ""."""
    try:
        ctypes.CDLL(library)
    except OSError as error:
        return clean(error)
    return ""


backend = Backend("pulse", (STREAM,), STREAM_RULES, discover, needs, Settings)
