"""The backend `pulse` on a real PulseAudio."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from backends.children import LOOK
from backends.runtime import SourceIO
from tests.integration.beds import pulse
from tests.integration.beds.inside import Inside, inside
from tests.patience import NEVER, limit, until_async


@pytest.fixture
def sound() -> Iterator[pulse.Bed]:
    with pulse.bed(3) as bed:
        yield bed


def health(program: Inside) -> str:
    return next((str(each["state"]) for each in program.health.values()), "")


def of(program: Inside, process: subprocess.Popen[bytes]) -> dict[str, object]:
    return next((each for each in program.resources.values() if each.get("pid") == process.pid), {})


async def test_what_becomes_of_a_stream_is_seen_at_once(sound: pulse.Bed) -> None:
    bar, foyer = sound.player("zone1", "bar"), sound.player("zone2", "foyer")
    async with inside("pulse", sound.env) as program:
        await program.until(lambda p: of(p, bar).get("sink") == "zone1" and of(p, foyer).get("sink") == "zone2")
        assert {"space": "stream-owner", "value": str(bar.pid), "host": "h"} in of(program, bar)["keys"]  # type: ignore[operator]
        index = str(sound.inputs()[str(bar.pid)][0])
        sound.pactl("move-sink-input", index, "zone2")
        await program.until(lambda p: of(p, bar)["sink"] == "zone2")
        assert of(program, bar)["beside"] == [f"foyer {foyer.pid}"]
        assert of(program, bar)["first"] == "zone1"
        sound.pactl("set-sink-input-mute", index, "1")
        await program.until(lambda p: of(p, bar)["mute"] is True)
        sound.remove("zone2")
        await program.until(lambda p: "zone2" not in (of(p, bar)["sink"], of(p, foyer)["sink"]))
        foyer.kill()
        await program.until(lambda p: not of(p, foyer))


@pytest.mark.parametrize("module", ["backends.audio.pulse.child", "backends.audio.mixer_child"])
async def test_a_child_that_is_told_to_look_tells_though_nothing_has_changed(sound: pulse.Bed, module: str) -> None:
    address = sound.env["PULSE_SERVER"] if "pulse" in module else ""
    script = f"import {module} as child; child.BEAT = {NEVER}; child.main({repr(address) if address else []})"
    argv = ["env", *(f"{name}={value}" for name, value in sound.env.items()), sys.executable, "-c", script]
    async with limit(), SourceIO("c").child(argv) as child:
        first = await child.receive()
        for _ in range(3):
            await child.send(LOOK)
            again = await child.receive()
            assert again == first


async def test_what_was_asked_for_is_said_where_the_server_keeps_it(sound: pulse.Bed) -> None:
    """As PipeWire does; here it is the client that says so of itself, of a sink by its name and by its number."""
    plain, named = sound.player("zone1", "plain"), sound.player("zone1", "named", "target.object=zone2")
    number = sound.pactl("list", "short", "sinks").splitlines()[2].split()[0]
    numbered = sound.player("zone1", "numbered", f"target.object={number}")
    async with inside("pulse", sound.env) as program:
        await program.until(lambda p: bool(of(p, plain) and of(p, named) and of(p, numbered)))
        assert (of(program, named)["asked"], of(program, numbered)["asked"]) == ("zone2", "zone3")
        assert not isinstance(of(program, plain)["asked"], str)


async def test_a_process_of_another_machine_is_no_zone_s(sound: pulse.Bed) -> None:
    here = sound.player("zone1", "here")
    there = sound.player("zone1", "there", "application.process.host=elsewhere")
    async with inside("pulse", sound.env) as program:
        await program.until(lambda p: bool(of(p, here) and of(p, there)))
        assert of(program, here)["keys"]
        assert not of(program, there)["keys"]


async def test_this_user_s_own_server_is_found_and_left_alone_when_it_has_ended(
    sound: pulse.Bed, tmp_path: Path
) -> None:
    """Its socket may outlive it, held by systemd, which would start the server for whoever connects."""
    assert sound.process
    folder = tmp_path / "pulse"
    folder.mkdir()
    (folder / "native").symlink_to(sound.socket)
    (folder / "pid").write_text(f"{sound.process.pid}\n")
    bar = sound.player("zone1", "bar")
    async with inside("pulse", {"XDG_RUNTIME_DIR": str(tmp_path), "PULSE_SERVER": ""}) as program:
        assert program.sources == [f"pulse unix:{folder}/native"]
        await program.until(lambda p: of(p, bar).get("sink") == "zone1")
        sound.stop()
        with socket.socket(socket.AF_UNIX) as systemd:
            systemd.bind(str(sound.socket))
            systemd.listen()
            systemd.setblocking(False)
            await program.until(lambda p: "does not run" in str(p.health))
            await program.again()
            with pytest.raises(BlockingIOError):  # nobody has connected
                systemd.accept()


async def test_a_stream_is_moved_and_a_sink_that_has_gone_is_refused(sound: pulse.Bed) -> None:
    bar = sound.player("zone1", "bar")
    async with inside("pulse", sound.env) as program:
        await program.until(lambda p: bool(of(p, bar)))
        target = next(key for key, each in program.resources.items() if each["pid"] == bar.pid)
        answer = await program.act(target, "move", sink="zone3")
        assert "done" in answer
        await program.until(lambda p: of(p, bar)["sink"] == "zone3")
        assert sound.inputs()[str(bar.pid)][1] == "zone3"
        sound.remove("zone2")
        assert "no sink 'zone2'" in (await program.act(target, "move", sink="zone2"))["refused"]


async def test_a_server_that_hangs_ends_and_is_there_again(sound: pulse.Bed) -> None:
    bar = sound.player("zone1", "bar")
    async with inside("pulse", sound.env) as program:
        await program.until(lambda p: bool(of(p, bar)))
        assert sound.process
        os.kill(sound.process.pid, signal.SIGSTOP)
        await program.until(lambda p: health(p) == "hung")
        assert of(program, bar), "it hangs: what plays there is not gone"
        os.kill(sound.process.pid, signal.SIGCONT)
        await program.until(lambda p: health(p) == "ok")
        sound.stop()
        await program.until(lambda p: health(p) == "refused")
        sound.start()
        again = sound.player("zone2", "bar")
        await program.until(lambda p: of(p, again).get("sink") == "zone2")
        assert of(program, again)["first"] == "zone2", "another run of the server: its indices begin anew"


async def test_to_ask_starts_no_server_and_where_none_is_nothing_is_said(tmp_path: Path) -> None:
    env = {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path), "PULSE_SERVER": ""}
    async with inside("pulse", env) as program:
        assert program.sources == []
    async with inside("pulse", env, {"servers": [f"unix:{tmp_path}/native"]}) as program:
        await program.until(lambda p: health(p) == "refused")
        await program.again()
        assert not any(str(tmp_path) in _home(process) for process in psutil.process_iter(["name"]))


def _home(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):  # it has ended, or is another user's: none of ours
        return process.environ().get("HOME", "") if process.info["name"] == "pulseaudio" else ""
    return ""


async def test_the_child_dies_with_its_parent(sound: pulse.Bed) -> None:
    bar = sound.player("zone1", "bar")
    async with inside("pulse", sound.env) as program:
        await program.until(lambda p: bool(of(p, bar)))
        (child,) = psutil.Process(program.pid).children()
        os.kill(program.pid, signal.SIGKILL)
        with contextlib.suppress(psutil.NoSuchProcess):
            await until_async(lambda: child.status() == psutil.STATUS_ZOMBIE)
