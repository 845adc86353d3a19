"""The backend `usb` over nine boards: on real libusb, libudev and sysfs readers in umockdev, and, by the same
tests, on the embedded venue."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import patience
from tests.integration.beds import embedded, usb
from tests.integration.beds.inside import Inside, inside
from tests.patience import limit

BOARD = "h/board/1-1.3.2"
POLL, AGAIN = "backends.hardware.usb.POLL", "backends.hardware.usb.AGAIN"
Venue = usb.Bed | embedded.Embedded


@pytest.fixture
def bed() -> Iterator[usb.Bed]:
    with usb.bed() as started:
        yield started


@pytest.fixture(params=["umockdev", "embedded"])
async def venue(request: pytest.FixtureRequest) -> AsyncIterator[Venue]:
    if request.param == "umockdev":
        with usb.bed() as started:
            yield started
    else:
        async with embedded.bed() as laid:
            yield laid


def boards(program: Inside) -> list[str]:
    return sorted(key.rpartition("/")[2] for key in program.resources if "/board/" in key)


async def test_nine_boards_are_seen_with_what_is_true_of_them_now(venue: Venue) -> None:
    serial, delay = f"S{random.randrange(10**9)}", str(random.randrange(3000, 9000))
    async with inside("usb", venue.env, venue.settings["usb"]) as program:
        await program.until(lambda p: len(boards(p)) == 9)
        assert boards(program) == list(usb.PORTS)
        venue.set("1-1.3.2", "power/autosuspend_delay_ms", delay)
        venue.set("1-1.3.2", "serial", serial)
        await program.until(lambda p: p.resources[BOARD]["serial"] == serial)
        board = program.resources[BOARD]
        assert board["delay"] == int(delay)
        assert (board["model"], board["ids"], board["speed"], board["current"]) == ("PCM2705C", "08bb:27c5", 12, 20)
        assert (board["power"], board["policy"], board["hid"]) == ("active", "on", "bound to usbhid")
        assert {"h/hub/usb1", "h/hub/1-1", "h/hub/1-1.3", "h/hub/1-1.4"} <= program.resources.keys()
        assert program.resources["h/hub/1-1"]["translators"] == "single"
        assert board["links"][0]["to"] == {"space": "usb-port", "value": "1-1.3", "host": "h"}


async def test_unplug_and_replug_are_seen_by_their_events_and_counted(venue: Venue) -> None:
    async with inside("usb", venue.env, venue.settings["usb"], never=[POLL]) as program:
        await program.until(lambda p: len(boards(p)) == 9)
        before = program.resources[BOARD]["devnum"]
        venue.unplug("1-1.3.2")
        await program.until(lambda p: BOARD not in p.resources)
        assert len(boards(program)) == 8
        venue.replug("1-1.3.2")
        await program.until(lambda p: BOARD in p.resources)
        assert program.resources[BOARD]["reenumerations"] == 1
        assert program.resources[BOARD]["devnum"] > before
        address = f"001/{program.resources[BOARD]['devnum']:03d}"
        assert {"space": "usb-address", "value": address, "host": "h"} in program.resources[BOARD]["keys"]
        assert all(health["state"] == "ok" for health in program.health.values())


async def test_a_board_that_left_is_told_though_another_holds_up_the_reading(bed: usb.Bed, tmp_path: Path) -> None:
    async with inside("usb", bed.env, never=[POLL, AGAIN]) as program:  # else a reading may be held up before it left
        await program.until(lambda p: len(boards(p)) == 9)
        attribute, held = bed.device("1-1.1", "power/control"), tmp_path / "held"
        os.mkfifo(held)
        attribute.unlink()
        attribute.symlink_to(held)
        bed.unplug("1-1.3.2")
        await program.until(lambda p: BOARD not in p.resources)
        assert len(boards(program)) == 8
        await program.again(1)
        attribute.unlink()
        attribute.write_text("auto\n")
        held.write_text("on\n")  # for the reading that waits for it
        await program.until(lambda p: p.resources["h/board/1-1.1"]["policy"] == "auto")


async def test_a_board_that_left_is_refused(venue: Venue) -> None:
    async with inside("usb", venue.env, venue.settings["usb"]) as program:
        await program.until(lambda p: BOARD in p.resources)
        venue.unplug("1-1.3.2")
        assert "has left USB port 1-1.3.2" in (await program.act(BOARD, "let-sleep"))["refused"]


async def test_sleep_is_judged_by_the_board_and_not_by_the_write(bed: usb.Bed, tmp_path: Path) -> None:
    async with inside("usb", bed.env, {"rules": str(tmp_path)}) as program:
        await program.until(lambda p: BOARD in p.resources)
        answer = await program.act(BOARD, "let-sleep", delay="1500")
        assert len(answer["done"]) == len(answer["plan"]["steps"]) == 3
        (rule,) = tmp_path.iterdir()
        assert 'KERNEL=="1-1.3.2"' in rule.read_text()
        assert bed.get("1-1.3.2", "power/control") == "auto"
        assert bed.get("1-1.3.2", "power/autosuspend_delay_ms") == "1500"
        assert bed.get("1-1.3.2", "1-1.3.2:1.2/authorized") == "0"
        expect = answer["plan"]["expect"][-1]
        assert (expect["field"], expect["wanted"], expect["within"]) == ("power", "suspended", 6.5)
        await program.until(lambda p: p.resources[BOARD]["policy"] == "auto")
        assert program.resources[BOARD]["power"] == "active"  # the write succeeded; nothing sleeps
        bed.set("1-1.3.2", "power/runtime_status", "suspended")  # which nothing announces
        await program.until(lambda p: p.resources[BOARD]["power"] == "suspended")
        assert (await program.act(BOARD, "let-sleep"))["refused"] == "it is asleep already"
        answer = await program.act(BOARD, "keep-awake")
        assert [(e["field"], e["wanted"]) for e in answer["plan"]["expect"]] == [
            ("rule", "none"),
            ("policy", "on"),
            ("power", "active"),
        ]
        assert bed.get("1-1.3.2", "power/control") == "on"
        assert list(tmp_path.iterdir()) == []


async def test_the_embedded_kernel_behaves_like_the_real_one() -> None:
    """`auto` alone leaves a board awake whose HID interface is bound; the plan lets it sleep; playing wakes it."""
    async with embedded.bed() as venue, inside("usb", venue.env, venue.settings["usb"]) as program:
        await program.until(lambda p: BOARD in p.resources)
        venue.set("1-1.3.2", "power/autosuspend_delay_ms", "300")
        venue.set("1-1.3.2", "power/control", "auto")
        await program.again()
        assert (await program.act(BOARD, "let-sleep", execute=False))["plan"]
        assert program.resources[BOARD]["power"] == "active"
        await program.act(BOARD, "let-sleep", delay="300")
        await program.until(lambda p: p.resources[BOARD]["power"] == "suspended")
        assert program.resources[BOARD]["hid"] == "released"
        venue.pcm("terrace", "RUNNING", 99)
        await program.until(lambda p: p.resources[BOARD]["power"] == "active")
        assert "keeps it awake" in (await program.act(BOARD, "let-sleep"))["refused"]


async def test_what_was_done_for_a_board_holds_when_it_is_plugged_in_again_until_it_is_undone() -> None:
    async with embedded.bed() as venue, inside("usb", venue.env, venue.settings["usb"]) as program:
        await program.until(lambda p: BOARD in p.resources)
        assert program.resources[BOARD]["rule"] == "none"
        await program.act(BOARD, "let-sleep", delay="300")
        await program.until(lambda p: p.resources[BOARD]["rule"] == "present")
        await replugged(venue, program)
        await program.until(lambda p: p.resources[BOARD]["power"] == "suspended")
        await program.act(BOARD, "keep-awake")
        await program.until(lambda p: p.resources[BOARD]["power"] == "active")
        assert (program.resources[BOARD]["rule"], program.resources[BOARD]["hid"]) == ("none", "bound to usbhid")
        assert (await program.act(BOARD, "keep-awake"))["refused"] == "it is kept awake already"
        await replugged(venue, program)
        assert program.resources[BOARD]["policy"] == "on"


async def replugged(venue: embedded.Embedded, program: Inside) -> None:
    venue.unplug("1-1.3.2")
    await program.until(lambda p: BOARD not in p.resources)
    venue.replug("1-1.3.2")
    await program.until(lambda p: BOARD in p.resources)


async def test_boards_that_flap_are_never_the_sources_failure() -> None:
    async with embedded.bed() as venue, inside("usb", venue.env, venue.settings["usb"]) as program:
        await program.until(lambda p: len(boards(p)) == 9)
        for _ in range(150):
            port = random.choice(usb.PORTS)
            random.choice((venue.unplug, venue.replug))(port)
            await asyncio.sleep(random.choice((0, patience.POLL)))
        for port in usb.PORTS:
            venue.replug(port)
        await program.until(lambda p: len(boards(p)) == 9)
        assert program.ill == []


async def test_a_still_world_says_the_same_again_and_again() -> None:
    async with embedded.bed(still=True) as venue:
        venue.pcm("bar", "RUNNING", 7, 1000)
        for backend in ("usb", "alsa"):
            async with inside(backend, venue.env, venue.settings[backend]) as program:
                await program.until(lambda p: len(p.resources) >= 9)
                await program.again(1)
                before = timeless(program)
                await program.again(2)
                assert timeless(program) == before


def timeless(program: Inside) -> dict[str, Any]:
    """What is said of everything, without when it was read."""
    said = {key: {**resource, "at": 0} for key, resource in program.resources.items()}
    for resource in said.values():
        resource["evidence"] = [{**each, "at": 0} for each in resource["evidence"]]
    return said


async def test_looking_opens_no_device(bed: usb.Bed) -> None:
    """Opening a node of /dev/bus/usb would wake the amplifier (drivers/usb/core/devio.c, usbdev_open)."""
    opened = await _opened(bed, "-m", "tests.integration.beds.inside", "usb")
    assert [path for path in opened if "sys/bus/usb/devices" in path]  # it did look
    assert not [path for path in opened if "/dev/bus/usb/0" in path]
    careless = "import usb.core; print(usb.core.find(idVendor=0x08bb).is_kernel_driver_active(1))"
    opened = await _opened(bed, "-c", careless)
    assert [path for path in opened if "/dev/bus/usb/0" in path]  # this test would notice


async def _opened(bed: usb.Bed, *arguments: str) -> list[str]:
    """The calls by which a Python program inside opened files, until its fourth line of output."""
    strace = shutil.which("strace")
    assert strace, "apt install strace"
    process = await asyncio.create_subprocess_exec(
        strace, "-f", "-e", "trace=open,openat", sys.executable, *arguments,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, **bed.env}, limit=1 << 22,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    calls = asyncio.create_task(process.stderr.read()) if process.stderr else None
    assert calls is not None
    async with limit():
        for _ in range(4):
            await process.stdout.readline()
        process.stdin.close()
        said = await calls
        await process.wait()
    return [line for line in said.decode(errors="replace").splitlines() if "open" in line and "O_DIRECTORY" not in line]
