"""The backend `alsa` on real libasound mixers (PulseAudio's null sinks) and on /proc/asound in umockdev."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.integration.beds import pulse, usb
from tests.integration.beds.inside import inside

ZONE = "h/control/zone2%2FMaster"


@pytest.fixture
def bed() -> Iterator[pulse.Bed]:
    with pulse.bed(3) as started:
        yield started


async def test_an_outsiders_change_is_seen_at_once(bed: pulse.Bed) -> None:
    async with inside("alsa", bed.env) as program:
        await program.until(lambda p: ZONE in p.resources)
        assert sorted(program.resources) == [f"h/control/{name}%2FMaster" for name in bed.names]
        for level in random.sample(range(5, 95), 3):
            bed.pactl("set-sink-volume", "zone2", f"{level}%")
            assert await program.until(lambda p, level=level: p.resources[ZONE]["level"] == level) < 0.25
        bed.pactl("set-sink-mute", "zone2", "1")
        assert await program.until(lambda p: p.resources[ZONE]["mute"] is True) < 0.25
        assert program.resources["h/control/zone1%2FMaster"]["mute"] is False
        assert program.resources[ZONE]["gain"]["why"] == "not applicable"  # the plugin has no scale in dB
        assert program.resources[ZONE]["keys"] == [{"space": "alsa-mixer", "value": "zone2", "host": "h"}]


async def test_what_we_set_is_so_in_the_real_mixer(bed: pulse.Bed) -> None:
    async with inside("alsa", bed.env) as program:
        await program.until(lambda p: ZONE in p.resources)
        level = random.randrange(10, 90)
        answer = await program.act(ZONE, "level", percent=str(level))
        assert answer["plan"]["expect"][0] == {
            "target": {"host": "h", "kind": "control", "local": "zone2/Master"},
            "field": "level", "wanted": level, "within": 2.0, "test": "near",
        }  # fmt: skip
        await program.until(lambda p: p.resources[ZONE]["level"] == level)
        assert f" {level}% " in bed.pactl("get-sink-volume", "zone2")
        assert (await program.act(ZONE, "level", percent=str(level)))["refused"] == f"already at {level} %"
        assert "0 to 100" in (await program.act(ZONE, "level", percent="101"))["refused"]
        await program.act(ZONE, "mute")
        await program.until(lambda p: p.resources[ZONE]["mute"] is True)
        assert "yes" in bed.pactl("get-sink-mute", "zone2")
        assert (await program.act(ZONE, "mute"))["refused"] == "already muted"
        await program.act(ZONE, "unmute")
        await program.until(lambda p: p.resources[ZONE]["mute"] is False)
        assert "no" in bed.pactl("get-sink-mute", "zone2")


async def test_a_dead_sound_server_is_unknown_and_comes_back(bed: pulse.Bed) -> None:
    async with inside("alsa", bed.env) as program:
        await program.until(lambda p: ZONE in p.resources)
        bed.stop()
        await program.until(lambda p: isinstance(p.resources[ZONE]["level"], dict))
        assert program.resources[ZONE]["level"]["why"] == "unreachable"
        assert "failed" in await program.act(ZONE, "level", percent="20")
        bed.start()
        bed.pactl("set-sink-volume", "zone2", "37%")
        await program.until(lambda p: p.resources[ZONE]["level"] == 37, 10)


async def test_pcms_of_nine_cards_and_the_boards_they_are_on() -> None:
    with usb.bed() as machine:
        async with inside("alsa", machine.env) as program:
            await program.until(lambda p: "h/pcm/hw:terrace,0" in p.resources)
            assert len([key for key in program.resources if "/pcm/" in key]) == 9
            pid = random.randrange(1000, 9000)
            machine.pcm(3, "RUNNING", pid, 777)
            await program.until(lambda p: p.resources["h/pcm/hw:terrace,0"]["state"] == "RUNNING")
            pcm = program.resources["h/pcm/hw:terrace,0"]
            assert (pcm["owner"], pcm["hw_ptr"], pcm["rate"], pcm["card"]) == (pid, 777, 44100, "3")
            assert pcm["links"][0]["to"] == {"space": "usb-address", "value": "001/008", "host": "h"}
            assert {"space": "pcm-owner", "value": str(pid), "host": "h"} in pcm["keys"]
            machine.unplug("1-1.3.2")
            await program.until(lambda p: "h/pcm/hw:terrace,0" not in p.resources, 3)
            machine.replug("1-1.3.2")
            await program.until(lambda p: "h/pcm/hw:terrace,0" in p.resources, 3)


async def test_a_machine_without_kernel_sound_has_no_pcm_source(bed: pulse.Bed) -> None:
    async with inside("alsa", bed.env, {"proc": str(bed.folder / "none")}) as program:
        assert program.sources == ["alsa mixer"]
