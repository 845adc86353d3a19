"""The tone child through a real alsa-lib into a real PulseAudio: heard where it was asked for, and nowhere else."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from backends.hardware.tone_lines import HERTZ
from backends.hardware.tones import Tones
from backends.hardware.usb import Settings
from backends.runtime import SourceIO
from tests.integration.beds import pulse
from tests.patience import BOUND, until_async
from tests.rig.devices import listening

RATE = 44100  # frames per second of a null sink


@pytest.fixture
def sound(monkeypatch: pytest.MonkeyPatch) -> Iterator[pulse.Bed]:
    with pulse.bed(2) as bed:
        for name, value in bed.env.items():
            monkeypatch.setenv(name, value)
        yield bed


def heard(sound: pulse.Bed, sink: str) -> tuple[float, float]:
    """Hertz and level, in dB, of half a second that a sink plays, after the moment that recording takes to begin."""
    argv = ["parec", "--raw", f"--device={sink}.monitor", "--format=s16le", f"--rate={RATE}", "--channels=2"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env={**os.environ, **sound.env}) as recorder:
        assert recorder.stdout is not None
        recorder.stdout.read(round(RATE * 0.2) * 4)
        words = recorder.stdout.read(round(RATE * 0.5) * 4)
        recorder.kill()
    left, right = listening.channels(words, 2)
    assert left == right
    return listening.tone(left, RATE), listening.level(left)


async def test_the_tone_is_heard_where_it_was_asked_for_until_it_ends(sound: pulse.Bed) -> None:
    await Tones(Settings().tone).play("zone1", SourceIO("t"))
    (hertz, level), (_, other) = await asyncio.gather(
        asyncio.to_thread(heard, sound, "zone1"), asyncio.to_thread(heard, sound, "zone2")
    )
    assert hertz == pytest.approx(HERTZ, abs=1)
    assert level == pytest.approx(-23, abs=0.5)
    assert other == listening.SILENCE
    await until_async(lambda: not sound.inputs(), "the end of the tone")


async def test_a_device_that_cannot_be_opened_is_said_in_alsas_words(sound: pulse.Bed) -> None:
    with pytest.raises(OSError, match="No such device"):
        await Tones(Settings().tone).play("plughw:nowhere,0", SourceIO("t"))
    await asyncio.to_thread(sound.stop)
    with pytest.raises(OSError, match="Connection refused"):
        await Tones(Settings().tone).play("zone1", SourceIO("t"))


async def test_a_child_that_hangs_or_ends_is_an_error() -> None:
    others = psutil.Process().children()
    with pytest.raises(TimeoutError):
        await Tones((sys.executable, "-c", "import time; time.sleep(60)")).play("zone1", SourceIO("t"))
    ours = [child for child in psutil.Process().children() if child not in others]
    assert not (await asyncio.to_thread(psutil.wait_procs, ours, BOUND))[1], "it may still begin"
    with pytest.raises(ConnectionError, match="ended before the tone started"):
        await Tones((sys.executable, "-c", "")).play("zone1", SourceIO("t"))
