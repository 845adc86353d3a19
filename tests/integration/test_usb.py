"""The backend `usb` on real libusb, libudev and sysfs readers, over nine boards that umockdev lays out."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.integration.beds import usb
from tests.integration.beds.inside import Inside, inside

BOARD = "h/board/1-1.3.2"


@pytest.fixture
def bed() -> Iterator[usb.Bed]:
    with usb.bed() as started:
        yield started


def boards(program: Inside) -> list[str]:
    return sorted(key.rpartition("/")[2] for key in program.resources if "/board/" in key)


async def test_nine_boards_are_seen_with_what_is_true_of_them_now(bed: usb.Bed) -> None:
    serial, delay = f"S{random.randrange(10**9)}", str(random.randrange(3000, 9000))
    async with inside("usb", bed.env) as program:
        await program.until(lambda p: len(boards(p)) == 9)
        assert boards(program) == list(usb.PORTS)
        bed.set("1-1.3.2", "power/autosuspend_delay_ms", delay)
        bed.device("1-1.3.2", "serial").write_text(serial + "\n")
        await program.until(lambda p: p.resources[BOARD]["serial"] == serial)
        board = program.resources[BOARD]
        assert board["delay"] == int(delay)
        assert (board["model"], board["ids"], board["speed"], board["current"]) == ("PCM2705C", "08bb:27c5", 12, 20)
        assert (board["power"], board["policy"], board["hid"]) == ("active", "on", "bound to usbhid")
        hubs = {key for key in program.resources if "/hub/" in key}
        assert hubs == {"h/hub/usb1", "h/hub/1-1", "h/hub/1-1.3", "h/hub/1-1.4"}
        assert board["links"][0]["to"] == {"space": "usb-port", "value": "1-1.3", "host": "h"}


async def test_unplug_and_replug_are_seen_at_once_and_counted(bed: usb.Bed) -> None:
    async with inside("usb", bed.env) as program:
        await program.until(lambda p: len(boards(p)) == 9)
        await program.settle(0.3)  # so that the next reading would be far off
        bed.unplug("1-1.3.2")
        assert await program.until(lambda p: BOARD not in p.resources) < 0.5
        assert len(boards(program)) == 8
        bed.replug("1-1.3.2")
        assert await program.until(lambda p: BOARD in p.resources) < 0.5
        assert program.resources[BOARD]["reenumerations"] == 1
        assert program.resources[BOARD]["devnum"] == 14
        assert {"space": "usb-address", "value": "001/014", "host": "h"} in program.resources[BOARD]["keys"]
        assert all(health["state"] == "ok" for health in program.health.values())


async def test_sleep_is_judged_by_the_board_and_not_by_the_write(bed: usb.Bed) -> None:
    async with inside("usb", bed.env) as program:
        await program.until(lambda p: BOARD in p.resources)
        answer = await program.act(BOARD, "let-sleep", delay="1500")
        assert len(answer["done"]) == len(answer["plan"]["steps"]) == 2
        assert bed.get("1-1.3.2", "power/control") == "auto"
        assert bed.get("1-1.3.2", "power/autosuspend_delay_ms") == "1500"
        assert bed.get("1-1.3.2", "1-1.3.2:1.2/authorized") == "0"
        (expect,) = answer["plan"]["expect"]
        assert (expect["field"], expect["wanted"], expect["within"]) == ("power", "suspended", 6.5)
        await program.until(lambda p: p.resources[BOARD]["policy"] == "auto")
        assert program.resources[BOARD]["power"] == "active"  # the write succeeded; nothing sleeps
        bed.set("1-1.3.2", "power/runtime_status", "suspended")
        await program.until(lambda p: p.resources[BOARD]["power"] == "suspended")
        assert (await program.act(BOARD, "let-sleep"))["refused"] == "it is asleep already"
        answer = await program.act(BOARD, "keep-awake")
        assert [(e["field"], e["wanted"]) for e in answer["plan"]["expect"]] == [
            ("policy", "on"),
            ("power", "active"),
        ]
        assert bed.get("1-1.3.2", "power/control") == "on"


async def test_a_board_that_left_is_refused(bed: usb.Bed) -> None:
    async with inside("usb", bed.env) as program:
        await program.until(lambda p: BOARD in p.resources)
        bed.unplug("1-1.3.2")
        assert "has left USB port 1-1.3.2" in (await program.act(BOARD, "let-sleep"))["refused"]


async def test_looking_opens_no_device(bed: usb.Bed) -> None:
    """Opening a node of /dev/bus/usb would wake the amplifier (drivers/usb/core/devio.c, usbdev_open)."""
    strace = shutil.which("strace")
    assert strace, "apt install strace"
    command = [
        strace,
        "-f",
        "-e",
        "trace=open,openat",
        sys.executable,
        "-m",
        "tests.integration.beds.inside",
        "usb",
    ]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, **bed.env}, limit=1 << 22,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    for _ in range(4):  # the greeting and three readings
        await asyncio.wait_for(process.stdout.readline(), 30)
    process.stdin.close()
    _, calls = await process.communicate()
    assert b"sys/bus/usb/devices" in calls  # it did look
    assert not [line for line in calls.splitlines() if b"/dev/bus/usb/0" in line and b"O_DIRECTORY" not in line]
