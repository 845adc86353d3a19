"""The mixer child: reports and sets ALSA's mixers through pyalsaaudio, over the lines of `mixer_lines`.

    python -m backends.audio.mixer_child [DEVICE...]

A process of its own, because pyalsaaudio's mixer calls hold the interpreter's lock and a call into a dead sound
server may never return. It watches every kernel card, every hinted PCM that has a playback mixer (alsaaudio.pcms)
and the devices named on its command line.
"""

from __future__ import annotations

import os
import select
import sys
import time
from typing import Any

import alsaaudio
import msgspec
from msgspec import Struct

from backends.audio.mixer_lines import BEAT, Fader, MixerReply, MixerReport, MixerRequest
from backends.child_process import At, die_with_parent, is_look

LOOK, RESCAN = 1.0, 3.0  # seconds: between probes and listings of the cards; between attempts to open closed devices
QUIETEST, LOUDEST = -10_000_000, 10_000  # hundredths of dB that a control can report; the first is TLV's "mute"
NOT_DEVICES = frozenset(
    ("null", "default", "sysdefault", "pulse", "pipewire")
)  # other names for listed devices, or no device

Gone = (alsaaudio.ALSAAudioError, OSError)


def level_of(mixer: Any) -> int:
    values: list[int] = mixer.getvolume(alsaaudio.PCM_PLAYBACK, alsaaudio.VOLUME_UNITS_PERCENTAGE)
    return round(sum(values) / len(values))


def gain_of(value: int, decibel: tuple[int, int], raw: tuple[int, int]) -> float | None:
    """The gain in dB, or None. For a control without a dB scale pyalsaaudio ignores libasound's error and returns
    uninitialised memory, at times the raw range: only plausible values are accepted."""
    low, high = decibel
    sensible = QUIETEST < low < high < LOUDEST and low <= value <= high and decibel != raw
    return value / 100 if sensible and value > -20_000 else None


def fader_of(mixer: Any, device: str, names: tuple[str, ...]) -> Fader | None:
    """The state of a mixer control now; None if it is not for playback. Raises Gone."""
    volume, switch = mixer.volumecap(), mixer.switchcap()
    has_volume = "Playback Volume" in volume or "Joined Playback Volume" in volume
    has_switch = "Playback Mute" in switch or "Joined Playback Mute" in switch
    if not has_volume and not has_switch:
        return None
    level, gain, steps = None, None, 0
    if has_volume:
        low, high = mixer.getrange(alsaaudio.PCM_PLAYBACK, alsaaudio.VOLUME_UNITS_RAW)
        decibel = tuple(mixer.getrange(alsaaudio.PCM_PLAYBACK, alsaaudio.VOLUME_UNITS_DB))
        now = mixer.getvolume(alsaaudio.PCM_PLAYBACK, alsaaudio.VOLUME_UNITS_DB)[0]
        level, gain, steps = level_of(mixer), gain_of(now, decibel, (low, high)), high - low
    mute = all(mixer.getmute()) if has_switch else None
    return Fader(device, mixer.mixer(), mixer.mixerid(), names, level, gain, mute, steps)


def candidates(extra: list[str]) -> dict[str, tuple[str, ...]]:
    """The devices that may have mixers, with their names. Raises Gone if a card comes or goes meanwhile: listing opens
    each card."""
    indexes, cards = alsaaudio.card_indexes(), alsaaudio.cards()
    if alsaaudio.card_indexes() != indexes or len(cards) != len(indexes):
        raise OSError("the cards have changed while they were listed")
    found = {f"hw:{card}": (str(index), card, f"hw:{card}") for index, card in zip(indexes, cards, strict=True)}
    hinted = [name for name in alsaaudio.pcms() if ":" not in name and name not in NOT_DEVICES]
    return found | {name: (name,) for name in (*hinted, *extra) if name not in found}


class OpenControl(Struct):
    """One open control of a device, and its poll descriptors."""

    mixer: Any
    names: tuple[str, ...]
    descriptors: list[int]


class Child:
    """All open mixers, and the loop that waits on them and on standard input."""

    def __init__(self, extra: list[str]) -> None:
        self.extra = extra
        self.opened: dict[str, list[OpenControl]] = {}
        self.failed: dict[str, str] = {}
        self.poll = select.poll()
        self.poll.register(0, select.POLLIN)
        self.cards: list[int] = []
        self.scanned = self.said_at = self.probed = 0.0
        self.turn = 0
        self.said: MixerReport | None = None
        self.input = b""

    def run(self) -> None:
        """Runs until standard input ends."""
        while True:
            now = time.monotonic()
            if now - self.scanned > RESCAN or alsaaudio.card_indexes() != self.cards:
                self.scan()
            if now - self.probed > LOOK:
                self.probed = now
                self.probe()
            self.tell(now)
            for descriptor, mask in self.poll.poll(LOOK * 1000):
                if descriptor != 0:
                    self.changed(descriptor, mask)
                elif not self.asked():
                    return

    def scan(self) -> None:
        """Opens new devices and closes those that are gone."""
        cards = alsaaudio.card_indexes()
        say(At(""))
        try:
            there = candidates(self.extra)
        except Gone:  # the next turn lists again, after the card is gone
            return
        self.scanned, self.cards = time.monotonic(), cards
        for device in [*self.opened, *self.failed]:
            if device not in there:
                self.close(device)
                self.failed.pop(device, None)
        for device, names in there.items():
            if device not in self.opened:
                try:
                    self.open(device, names)
                    self.failed.pop(device, None)
                except Gone as error:
                    self.close(device)
                    if device in self.failed or device in self.extra:
                        self.failed[device] = str(error)

    def open(self, device: str, names: tuple[str, ...]) -> None:
        say(At(device))
        seen: list[str] = []
        for control in alsaaudio.mixers(device=device):
            mixer = alsaaudio.Mixer(control, seen.count(control), device=device)
            seen.append(control)
            if fader_of(mixer, device, names) is None:
                mixer.close()
                continue
            descriptors = mixer.polldescriptors()
            self.opened.setdefault(device, []).append(OpenControl(mixer, names, [fd for fd, _ in descriptors]))
            for descriptor, mask in descriptors:
                self.poll.register(descriptor, mask)

    def close(self, device: str, why: str = "") -> None:
        for opened in self.opened.pop(device, ()):
            for descriptor in opened.descriptors:
                self.poll.unregister(descriptor)
            opened.mixer.close()
        if why:
            self.failed[device] = why

    def changed(self, descriptor: int, mask: int) -> None:
        """Handles a mixer's event. After an error or a closed connection the device must be opened again."""
        for device, mixers in list(self.opened.items()):
            for opened in mixers:
                if descriptor in opened.descriptors:
                    say(At(device))
                    try:
                        opened.mixer.handleevents()
                        if mask & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
                            raise OSError("the device has closed the connection")
                    except Gone as error:
                        self.close(device, str(error))
                    return

    def probe(self) -> None:
        """Opens one mixer again, each device in turn: an open mixer does not show that its server is frozen.
        A frozen server blocks this call until the parent misses the heartbeat and kills this process."""
        if not self.opened:
            return
        self.turn = (self.turn + 1) % len(self.opened)
        device = list(self.opened)[self.turn]
        mixer = self.opened[device][0].mixer
        say(At(device))
        try:
            alsaaudio.Mixer(mixer.mixer(), mixer.mixerid(), device=device).close()
        except Gone as error:
            self.close(device, str(error))

    def look(self) -> None:
        """Opens everything again, because an open mixer may answer from its cache, and reports it."""
        for device in list(self.opened):
            self.close(device, "it is being opened")  # if it does not open again, it fails; it is not gone
        self.scan()
        self.said = None

    def tell(self, now: float) -> None:
        faders: list[Fader] = []
        for device, mixers in list(self.opened.items()):
            try:
                found_faders = [fader_of(opened.mixer, device, opened.names) for opened in mixers]
                faders += [fader for fader in found_faders if fader is not None]
            except Gone as error:
                self.close(device, str(error))
        report = MixerReport(tuple(faders), dict(self.failed))
        if report != self.said or now - self.said_at > BEAT:
            self.said, self.said_at = report, now
            say(report)

    def asked(self) -> bool:
        """Answers the requests that have arrived; False at the end of the input."""
        data = os.read(0, 65536)
        *lines, self.input = (self.input + data).split(b"\n")
        for line in lines:
            if is_look(line):
                self.look()
                continue
            ask = msgspec.json.decode(line, type=MixerRequest)
            say(At(ask.device))
            try:
                say(MixerReply(ask.ask, self.do(ask)))
            except Gone as error:
                say(MixerReply(ask.ask, error=str(error)))
                self.close(ask.device, str(error))
        return bool(data)

    def do(self, ask: MixerRequest) -> Fader | None:
        """Sets a newly opened mixer and reads the value back from another: setting alone reports no error. Raises
        Gone."""
        mixer = alsaaudio.Mixer(ask.control, ask.index, device=ask.device)
        if ask.do == "mute":
            mixer.setmute(int(bool(ask.value)))
        elif ask.do == "level":
            mixer.setvolume(int(ask.value or 0), alsaaudio.MIXER_CHANNEL_ALL, alsaaudio.PCM_PLAYBACK)
        mixer.close()
        back = alsaaudio.Mixer(ask.control, ask.index, device=ask.device)
        try:
            return fader_of(back, ask.device, ())
        finally:
            back.close()


def say(message: Struct) -> None:
    os.write(1, msgspec.json.encode(message) + b"\n")


def main(extra: list[str]) -> None:
    die_with_parent()
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)  # libasound prints its errors there, onto the operator's screen
    Child(extra).run()


if __name__ == "__main__":
    main(sys.argv[1:])
