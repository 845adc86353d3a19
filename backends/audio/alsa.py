"""The backend `alsa`: sound cards' PCMs from /proc/asound, and mixer controls from the mixer child."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import itertools
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from backends.audio import alsa_proc, controls
from backends.audio.mixer_lines import BEAT, Fader, MixerReply, MixerReport
from backends.audio.rules import CONTROL_RULES
from backends.contract import (
    IO,
    Backend,
    Child,
    Context,
    Id,
    Need,
    Observation,
    Offer,
    Plan,
    Refused,
    Source,
    Step,
    clean,
)
from backends.interpreter import python
from backends.kinds import CONTROL, PCM, Control
from backends.uevents import waker

POLL = 1.0  # seconds; no event says that a PCM was opened or has stalled
ANSWER = 3.0  # seconds for the child to answer a request
SILENCE = 3 * BEAT


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`proc` is the tree to read. `events` (uevents.py) and `mixer` (mixer_lines.py: the child's command, to which
    devices are appended) are seams. `devices` are mixer devices that ALSA's hints do not list."""

    proc: str = "/proc/asound"
    events: str = "udev"
    mixer: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()


class Pcms:
    """This machine's sound cards, from /proc/asound."""

    name = "alsa pcm"

    def __init__(self, host: str, settings: Settings) -> None:
        self.host, self.root, self.events = host, Path(settings.proc), settings.events

    async def watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        async with waker(self.events, io, "sound") as wait:
            while True:
                found = await io.thread(alsa_proc.pcms, self.root, self.host, io.clock())
                yield Observation(complete=True, upserts=tuple(found))
                await wait(POLL)

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        raise Refused("a PCM has no actions")

    async def do(self, step: Step, io: IO) -> None:
        raise Refused("a PCM has no actions")


class Mixers:
    """This machine's mixer controls, from the mixer child."""

    name = "alsa mixer"

    def __init__(self, host: str, settings: Settings) -> None:
        self.host = host
        self._argv = (*(settings.mixer or python("backends.audio.mixer_child")), *settings.devices)
        self._built_in = not settings.mixer
        self._child: Child | None = None
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[MixerReply]] = {}
        self._faders: dict[Id, Fader] = {}

    async def watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        if self._built_in and importlib.util.find_spec("alsaaudio") is None:
            raise ImportError("pyalsaaudio is missing")
        async with io.child(self._command(), "ALSA", SILENCE, looks=True) as child:
            self._child = child
            try:
                while True:
                    message = await child.receive()
                    if "reply" in message:
                        self._answered(msgspec.convert(message, MixerReply))
                    else:
                        yield self._observed(msgspec.convert(message, MixerReport), io.clock())
            finally:
                self._child = None
                for future in self._asked.values():
                    if not future.done():
                        future.set_exception(ConnectionError("the mixer child has ended"))
                self._asked.clear()

    def _command(self) -> tuple[str, ...]:
        """Passes the devices known so far to a new child: one that it cannot open then fails instead of being gone."""
        known = {fader.device for fader in self._faders.values() if not fader.device.startswith("hw:")}
        return (*self._argv, *sorted(known - set(self._argv)))

    def _observed(self, report: MixerReport, at: float) -> Observation:
        silent = {key: fader for key, fader in self._faders.items() if fader.device in report.failed}
        self._faders = silent | {controls.id_of(self.host, fader): fader for fader in report.controls}
        main = controls.main(self._faders.values())
        return Observation(
            complete=True,
            upserts=tuple(
                controls.control(self.host, fader, fader.key in main, report.failed.get(fader.device), at)
                for fader in self._faders.values()
            ),
        )

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        fader = await self._ask(offer.target, "read", None, io)
        now: Control = controls.control(self.host, fader, False, None, io.clock())
        return controls.plan(offer, args, fader, now)

    async def do(self, step: Step, io: IO) -> None:
        value = step.args["value"]
        assert isinstance(value, int)
        await self._ask(Id(self.host, "control", str(step.args["control"])), step.do, value, io)

    async def _ask(self, target: Id, do: str, value: int | bool | None, io: IO) -> Fader:
        """Asks the child about one control. Raises Refused (no such control), ConnectionError, TimeoutError,
        OSError (from ALSA)."""
        fader = self._faders.get(target)
        if fader is None:
            raise Refused(f"there is no mixer control {target.local}")
        if self._child is None:
            raise ConnectionError("the mixer child is not running")
        number = next(self._numbers)
        future: asyncio.Future[MixerReply] = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        about = {"device": fader.device, "control": fader.control, "index": fader.index}
        try:
            async with io.deadline(ANSWER):
                await self._child.send({"ask": number, "do": do, **about, "value": value})
                reply = await future
        except TimeoutError:
            raise TimeoutError(f"{target.local} did not answer within {ANSWER:g} s") from None
        finally:
            self._asked.pop(number, None)
        if reply.error or reply.fader is None:
            raise OSError(clean(reply.error) or "the mixer child reported nothing")
        return msgspec.structs.replace(reply.fader, names=fader.names)

    def _answered(self, reply: MixerReply) -> None:
        future = self._asked.get(reply.reply)
        if future is not None and not future.done():
            future.set_result(reply)


async def discover(context: Context, io: IO) -> Sequence[Source]:
    settings: Settings = context.settings
    pcms, mixers = Pcms(context.host, settings), Mixers(context.host, settings)
    return (pcms, mixers) if await io.thread(pcms.root.is_dir) else (mixers,)


def needs(context: Context) -> Sequence[Need]:
    settings: Settings = context.settings
    proc = Path(settings.proc)
    cards = "no kernel sound, so no PCMs are watched"
    if proc.is_dir():
        with contextlib.suppress(OSError):
            cards = f"{sum(1 for _ in proc.glob('card[0-9]*'))} sound cards"
    found = [Need(str(proc), proc.is_dir(), cards, "load the sound modules, or run foh where the cards are")]
    if not settings.mixer:
        there = importlib.util.find_spec("alsaaudio") is not None
        found.append(Need("pyalsaaudio", there, "installed" if there else "missing", "pip install pyalsaaudio"))
    return tuple(found)


backend = Backend("alsa", (PCM, CONTROL), CONTROL_RULES, discover, needs, Settings)
