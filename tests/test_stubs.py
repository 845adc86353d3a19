"""The real libraries carry weight: with one of them replaced by a stub that takes everything and does nothing, what
it is there for no longer works. Each value is random, and put into the real system after the program has started."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from backends.demo.lxd import LxdServer
from backends.demo.lxd_shapes import Box
from backends.demo.mopidy import MopidyServer, Player, Track
from tests.integration.beds import pulse, usb
from tests.integration.beds.inside import Inside, inside
from tests.integration.beds.mpd import RealMpd
from tests.patience import BOUND, ENVIRONMENT, limit


class Case(NamedTuple):
    """A real system: how a backend is pointed at it, and how a value gets into it."""

    backend: str
    env: dict[str, str]
    section: dict[str, Any]
    put: Callable[[str], object]
    field: str


@contextlib.asynccontextmanager
async def mopidy(folder: Path) -> AsyncIterator[Case]:
    server = MopidyServer(Player([Track("one", "A")]))
    await server.start()
    yield Case("mopidy", {}, {"endpoints": [server.endpoint]}, server.player.retitle, "title")
    await server.stop()


@contextlib.asynccontextmanager
async def lxd(folder: Path) -> AsyncIterator[Case]:
    box = Box("web1")
    server = LxdServer(str(folder / "lxd"), "alpha", [box])
    await server.start()

    def put(value: str) -> None:
        box.image = value

    yield Case("lxd", {}, {"sockets": [server.path]}, put, "image")
    await server.close()


@contextlib.asynccontextmanager
async def umockdev(folder: Path) -> AsyncIterator[Case]:
    with usb.bed() as bed:
        yield Case("usb", bed.env, {}, lambda value: bed.set("1-1.3.2", "serial", value), "serial")


@contextlib.asynccontextmanager
async def pulseaudio(folder: Path) -> AsyncIterator[Case]:
    """The library is in the mixer child: so is the stub."""
    with pulse.bed(1) as bed:
        yield Case("alsa", bed.env, {}, lambda value: bed.level("zone1/Master", int(value)), "level")


@contextlib.asynccontextmanager
async def streams(folder: Path) -> AsyncIterator[Case]:
    """The library is in the child here as well. The value is what a program that plays calls itself."""
    with pulse.bed(1) as bed:
        yield Case("pulse", bed.env, {}, lambda value: bed.player("zone1", value), "program")


@contextlib.asynccontextmanager
async def mpd(folder: Path) -> AsyncIterator[Case]:
    server = await asyncio.to_thread(RealMpd, folder / "mpd")
    try:
        yield Case("mpd", {}, {"endpoints": [server.address]}, server.play, "title")
    finally:
        server.stop()


CASES: dict[str, Callable[[Path], AbstractAsyncContextManager[Case]]] = {
    "websockets": mopidy,
    "mpd": mpd,
    "httpx": lxd,
    "usb": umockdev,
    "alsaaudio": pulseaudio,
    "pulsectl": streams,
}

CHILDREN = {  # those that are imported in a child: the setting that has its command, and its module
    "alsaaudio": ("mixer", "backends.audio.mixer_child"),
    "pulsectl": ("child", "backends.audio.pulse.child"),
}


@pytest.mark.parametrize("stub", [False, True], ids=["real", "stub"])
@pytest.mark.parametrize("library", CASES)
async def test_a_value_is_seen_through_the_library_and_not_without_it(library: str, stub: bool, tmp_path: Path) -> None:
    async with CASES[library](tmp_path) as case:
        replaced, section = (library if stub else ""), dict(case.section)
        if library in CHILDREN:
            setting, module = CHILDREN[library]
            section[setting] = [sys.executable, "-m", "tests.stubbed", replaced, module]
        async with inside(case.backend, case.env, section, replaced) as program:
            await program.until(lambda p: p.health or not p.sources)
            value = str(random.randrange(11, 99)) if case.field == "level" else f"v{random.randrange(10**9)}"
            case.put(value)

            def seen(program: Inside) -> bool:
                well = any(health["state"] == "ok" for health in program.health.values())
                return well and any(str(r.get(case.field)) == value for r in program.resources.values())

            if stub:
                await program.again()  # without ever having seen it
                assert not seen(program)
            else:
                await program.until(seen)


@pytest.mark.parametrize("stub", ["", "textual"], ids=["real", "stub"])
async def test_the_screen_is_textuals(stub: str, tmp_path: Path) -> None:
    async with mopidy(tmp_path) as case:
        title = f"T{random.randrange(10**9)}"
        case.put(title)
        nothing = {"sysfs": str(tmp_path / "sys"), "events": f"unix:{tmp_path}/none"}
        table = {"mopidy": case.section, "usb": nothing, "hdmi2usb": nothing, "alsa": {"mixer": ["sleep", "99"]}}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.stubbed", stub, "tests.headless", json.dumps(table), str(tmp_path), title,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, ENVIRONMENT: str(BOUND / 12 if stub else BOUND)},  # what never comes is given up sooner
        )  # fmt: skip
        async with limit():
            _, said = await process.communicate()
        assert (process.returncode == 0) is not bool(stub), said.decode()[-2000:]
