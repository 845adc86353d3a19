"""The backend `alsa`: mixers of real libasound (PulseAudio's null sinks) and /proc/asound in umockdev, and, by the
same tests, the embedded venue's."""

from __future__ import annotations

import os
import random
import re
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.integration.beds import embedded, pulse, usb
from tests.integration.beds.inside import inside
from tests.patience import until_async

Mixers = pulse.Bed | embedded.Embedded
Cards = usb.Bed | embedded.Embedded


@pytest.fixture
def bed() -> Iterator[pulse.Bed]:
    with pulse.bed(3) as started:
        yield started


@pytest.fixture(params=["pulse", "embedded"])
async def mixers(request: pytest.FixtureRequest) -> AsyncIterator[Mixers]:
    if request.param == "pulse":
        with pulse.bed(9) as started:
            yield started
    else:
        async with embedded.bed() as laid:
            yield laid


@pytest.fixture(params=["umockdev", "embedded"])
async def cards(request: pytest.FixtureRequest) -> AsyncIterator[Cards]:
    if request.param == "umockdev":
        with usb.bed() as started:
            yield started
    else:
        async with embedded.bed() as laid:
            yield laid


def key(control: str) -> str:
    return f"h/control/{control.replace('/', '%2F')}"


async def test_an_outsiders_change_is_seen_at_once(mixers: Mixers) -> None:
    name = mixers.controls[1]
    zone = key(name)
    async with inside("alsa", mixers.env, mixers.settings["alsa"]) as program:
        await program.until(lambda p: zone in p.resources)
        assert sorted(k for k in program.resources if "/control/" in k) == sorted(map(key, mixers.controls))
        for wanted in random.sample(range(5, 95), 3):
            mixers.level(name, wanted)
            level, _ = mixers.heard(name)
            await program.until(lambda p, level=level: p.resources[zone]["level"] == level)
        mixers.mute(name, True)
        await program.until(lambda p: p.resources[zone]["mute"] is True)
        assert program.resources[key(mixers.controls[0])]["mute"] is False
        device = name.partition("/")[0]
        assert {"space": "alsa-mixer", "value": device, "host": "h"} in program.resources[zone]["keys"]


async def test_what_we_set_is_so_in_the_mixer(mixers: Mixers) -> None:
    name = mixers.controls[1]
    zone = key(name)
    async with inside("alsa", mixers.env, mixers.settings["alsa"]) as program:
        await program.until(lambda p: zone in p.resources)
        percent = random.choice([*range(10, 70), *range(80, 95)])
        answer = await program.act(zone, "level", percent=str(percent))
        (expect,) = answer["plan"]["expect"]
        assert (expect["field"], expect["test"]) == ("level", "near")
        assert abs(expect["wanted"] - percent) <= 1
        await program.until(lambda p: p.resources[zone]["level"] == expect["wanted"])
        assert mixers.heard(name) == (expect["wanted"], False)
        assert "already at" in (await program.act(zone, "level", percent=str(percent)))["refused"]
        assert "0 to 100" in (await program.act(zone, "level", percent="101"))["refused"]
        await program.act(zone, "mute")
        await program.until(lambda p: p.resources[zone]["mute"] is True)
        assert mixers.heard(name) == (expect["wanted"], True)
        assert (await program.act(zone, "mute"))["refused"] == "already muted"
        await program.act(zone, "unmute")
        await program.until(lambda p: p.resources[zone]["mute"] is False)
        assert mixers.heard(name) == (expect["wanted"], False)


async def test_a_dead_sound_server_is_unknown_and_comes_back(bed: pulse.Bed) -> None:
    zone = key("zone2/Master")
    async with inside("alsa", bed.env) as program:
        await program.until(lambda p: zone in p.resources)
        bed.stop()
        await program.until(lambda p: isinstance(p.resources[zone]["level"], dict))
        assert program.resources[zone]["level"]["why"] == "unreachable"
        assert "failed" in await program.act(zone, "level", percent="20")
        bed.start()
        bed.level("zone2/Master", 37)
        await program.until(lambda p: p.resources[zone]["level"] == 37)


async def test_a_control_without_a_scale_in_decibel_has_no_gain(bed: pulse.Bed) -> None:
    async with inside("alsa", bed.env) as program:
        await program.until(lambda p: key("zone2/Master") in p.resources)
        assert program.resources[key("zone2/Master")]["gain"]["why"] == "not applicable"


async def test_pcms_of_nine_cards_and_the_boards_they_are_on(cards: Cards) -> None:
    terrace = "h/pcm/hw:terrace,0"
    async with inside("alsa", cards.env, cards.settings["alsa"]) as program:
        await program.until(lambda p: terrace in p.resources)
        assert len([k for k in program.resources if "/pcm/" in k]) == 9
        pid = random.randrange(1000, 9000)
        cards.pcm("terrace", "RUNNING", pid, 777)
        await program.until(lambda p: p.resources[terrace]["state"] == "RUNNING")
        pcm = program.resources[terrace]
        assert (pcm["owner"], pcm["rate"], pcm["card"]) == (pid, 44100, "3")
        assert pcm["hw_ptr"] >= 777
        address = f"001/{int(cards.get('1-1.3.2', 'devnum')):03d}"
        assert pcm["links"][0]["to"] == {"space": "usb-address", "value": address, "host": "h"}
        assert {"space": "pcm-owner", "value": str(pid), "host": "h"} in pcm["keys"]
        cards.unplug("1-1.3.2")
        await program.until(lambda p: terrace not in p.resources)
        cards.replug("1-1.3.2")
        await program.until(lambda p: terrace in p.resources)
        assert program.resources[terrace]["state"] == "closed"


async def test_boards_in_umockdev_and_mixers_in_pulseaudio_together(bed: pulse.Bed) -> None:
    with usb.bed() as machine:
        async with inside("alsa", {**machine.env, **bed.env}, machine.settings["alsa"]) as program:
            await program.until(lambda p: {"h/pcm/hw:bar,0", key("zone3/Master")} <= p.resources.keys())
            bed.level("zone3/Master", 29)
            await program.until(lambda p: p.resources[key("zone3/Master")]["level"] == 29)
            assert all(health["state"] == "ok" for health in program.health.values())


async def test_a_machine_without_kernel_sound_has_no_pcm_source(bed: pulse.Bed) -> None:
    async with inside("alsa", bed.env, {"proc": str(bed.folder / "none")}) as program:
        assert program.sources == ["alsa mixer"]


async def test_a_child_that_hangs_is_said_to_hang_and_replaced(bed: pulse.Bed) -> None:
    zone = key("zone2/Master")
    async with inside("alsa", bed.env) as program:
        await program.until(lambda p: zone in p.resources)
        os.kill(children(program.pid)[0], signal.SIGSTOP)
        await program.until(lambda p: p.health["alsa mixer"]["state"] == "hung")
        await program.until(lambda p: p.health["alsa mixer"]["state"] == "ok")
        bed.level("zone2/Master", 41)
        await program.until(lambda p: p.resources[zone]["level"] == 41)


async def test_a_frozen_sound_server_is_noticed_though_nobody_asks(bed: pulse.Bed) -> None:
    zone = key("zone2/Master")
    async with inside("alsa", bed.env) as program:
        await program.until(lambda p: zone in p.resources)
        assert bed.process
        os.kill(bed.process.pid, signal.SIGSTOP)
        await program.until(lambda p: p.health["alsa mixer"]["state"] == "hung")
        assert re.match(r"ALSA hangs at zone\d: ", program.health["alsa mixer"]["sentence"])
        assert zone in program.resources  # it hangs: it is not gone
        os.kill(bed.process.pid, signal.SIGCONT)
        bed.level("zone2/Master", 43)
        await program.until(lambda p: p.resources[zone]["level"] == 43)


async def test_the_child_dies_with_its_parent(bed: pulse.Bed) -> None:
    async with inside("alsa", bed.env) as program:
        await program.until(lambda p: key("zone2/Master") in p.resources)
        (child,) = children(program.pid)
        os.kill(program.pid, signal.SIGKILL)
        await until_async(lambda: not alive(child), f"the end of process {child}, whose parent is gone")


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"
