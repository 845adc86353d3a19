"""The source `usb` in the project's own runtime, over the embedded venue's tree."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from backends import sudo
from backends.contract import Id, Observation, Offer, Refused, Unknown, source_id
from backends.demo.trees import DemoBoard, Trees
from backends.hardware import usb
from backends.kinds import Board
from backends.runtime import Runtime
from tests.integration.watching import carry_out
from tests.patience import limit, until_async


class Watched:
    """The running source, its tree, and what it last said of the board."""

    def __init__(self, trees: Trees) -> None:
        self.trees, self.runtime = trees, Runtime()
        self.source = usb.Usb("h", msgspec.convert(trees.usb, usb.Settings))
        self.runtime.start([self.source])
        self.io = self.runtime.io(source_id(self.source))

    async def next(self) -> Observation:
        async for observation in self.runtime.observations():
            return observation
        raise AssertionError

    async def offer(self, action: str) -> Offer:
        (board,) = (each for each in (await self.next()).upserts if isinstance(each, Board))
        offer = board.offer(action)
        assert offer is not None
        return offer


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    trees = Trees(tmp_path, [DemoBoard("bar", "1-1.1", "on", True)])
    running = asyncio.create_task(trees.run())
    await until_async(trees.socket.exists)
    source = Watched(trees)
    yield source
    await source.runtime.stop()
    running.cancel()


@pytest.fixture
def ordinary(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """An ordinary user's console; whether sudo permits the helper can be changed."""
    state = {"permitted": False}

    async def lacking(run: object, *operation: str) -> str:
        return "" if state["permitted"] else sudo.NEEDED

    monkeypatch.setattr(usb, "_writable", lambda device, rules: False)
    monkeypatch.setattr(sudo, "lacking", lacking)
    return state


async def test_without_permission_the_offer_says_what_to_do(watched: Watched, ordinary: dict[str, bool]) -> None:
    offer = await watched.offer("let-sleep")
    assert offer.blocked == sudo.NEEDED
    with pytest.raises(Refused, match="foh doctor"):
        await watched.source.plan(offer, {}, watched.io)


async def test_with_permission_it_goes_through_the_helper(
    watched: Watched, ordinary: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    ordinary["permitted"] = True
    called: list[tuple[str, ...]] = []

    async def by_sudo(argv: tuple[str, ...], io: object) -> None:
        called.append(argv)

    monkeypatch.setattr(sudo, "by_sudo", by_sudo)
    monkeypatch.setattr(usb, "SYSTEM", watched.source.where)
    offer = await watched.offer("let-sleep")
    assert offer.blocked == ""
    plan = await watched.source.plan(offer, {"delay": "900"}, watched.io)
    await carry_out(watched.source, plan, watched.io)
    assert called == [
        ("usb-keep-rule", "1-1.1", "900", "release-hid"),
        ("usb-power", "1-1.1", "auto", "900"),
        ("usb-release-hid", "1-1.1"),
    ]


async def test_a_plan_made_afresh_differs_where_the_board_does(watched: Watched) -> None:
    offer = await watched.offer("let-sleep")
    plan = await watched.source.plan(offer, {}, watched.io)
    assert len(plan.steps) == 3
    watched.trees.set("1-1.1", "1-1.1:1.2/authorized", "0")
    watched.trees.step()
    assert len((await watched.source.plan(offer, {}, watched.io)).steps) == 2


async def test_a_board_that_is_not_authorized_says_so_and_is_mended_by_plugging_it_in_again(watched: Watched) -> None:
    async def seen() -> Board:
        (board,) = (each for each in (await watched.next()).upserts if isinstance(each, Board))
        return board

    first = await seen()
    assert (first.power, first.configured) == ("active", 0)
    watched.trees.set("1-1.1", "authorized", "0")
    async with limit():
        while not isinstance((board := await seen()).power, Unknown):
            pass
        assert "replug" in board.power.detail
        assert board.devnum == first.devnum
        while not isinstance((board := await seen()).hid, Unknown):
            pass
    offer = board.offer("replug")
    assert offer is not None
    plan = await watched.source.plan(offer, {}, watched.io)
    await carry_out(watched.source, plan, watched.io)
    async with limit():
        while (board := await seen()).configured != 1:
            pass
    assert (board.power, board.hid, board.devnum) == ("active", "bound to usbhid", first.devnum)


async def test_planning_while_a_reading_is_under_way_waits_its_turn(watched: Watched) -> None:
    offer = await watched.offer("let-sleep")
    plans = await asyncio.gather(*(watched.source.plan(offer, {}, watched.io) for _ in range(20)))
    assert len(plans) == 20
    assert (await watched.next()).health.state == "ok"


async def test_an_unplugged_board_is_gone_at_once_and_then_left_out(watched: Watched) -> None:
    await watched.next()
    watched.trees.unplug("1-1.1")
    observation = await watched.next()
    assert (observation.gone, observation.complete) == ((Id("h", "board", "1-1.1"),), False)
    observation = await watched.next()
    assert observation.complete
    assert not [each for each in observation.upserts if isinstance(each, Board)]


async def test_a_device_that_the_kernel_is_busy_with_keeps_nobody_waiting(tmp_path: Path) -> None:
    """As while it is enumerated again and again: the kernel holds its lock, and whoever asks its name waits."""
    trees = Trees(tmp_path, [DemoBoard("bar", "1-1.1"), DemoBoard("foyer", "1-1.2")])
    name = trees.sysfs / "bus/usb/devices/1-1.1/product"
    name.unlink()
    os.mkfifo(name)
    running = asyncio.create_task(trees.run())
    await until_async(trees.socket.exists)
    watched = Watched(trees)
    seen = []
    try:
        async with limit():
            while len(seen) < 3:
                seen.append({each.id.local: each for each in (await watched.next()).upserts if isinstance(each, Board)})
        assert [sorted(each) for each in seen] == [["1-1.1", "1-1.2"]] * 3
        assert all(isinstance(each["1-1.1"].maker, Unknown) for each in seen)
        assert {each["1-1.2"].maker for each in seen} == {"BurrBrown from Texas Instruments"}
        assert seen[-1]["1-1.2"].at > seen[0]["1-1.2"].at
        await asyncio.to_thread(name.write_text, "USB AUDIO  DAC\n")  # it has been waited for
        name.unlink()
        name.write_text("USB AUDIO  DAC\n")
        async with limit():
            while isinstance(seen[-1]["1-1.1"].maker, Unknown):
                seen.append({each.id.local: each for each in (await watched.next()).upserts if isinstance(each, Board)})
    finally:
        await watched.runtime.stop()
        running.cancel()
