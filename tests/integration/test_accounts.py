"""Zones that share a streaming account: told as soon as one stops the other, and no secret with it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.beds import streaming
from tests.integration.beds.mopidy import RealMopidy, make_track
from tests.patience import BOUND
from tests.terminal import FOH, ROOT, Terminal

CLEAN = "0 CRIT  0 warn"
ACCOUNTS = {"bar": "house@venue.example", "hall": "House@venue.example", "foyer": "other@venue.example"}
SECRET = "correct-horse"


@pytest.fixture
def zones(tmp_path: Path) -> Iterator[dict[str, RealMopidy]]:
    """Three zones, two of which have one account."""
    env = streaming.install(tmp_path / "extension")
    track = make_track(tmp_path / "track.flac", "Whatever it is", length=300)
    with ExitStack() as stack:
        found = {}
        for name, account in ACCOUNTS.items():
            section = streaming.section(account, SECRET, tmp_path / "service", track)
            found[name] = RealMopidy(name, tmp_path / name, "fakesink sync=true", env, wait=False, more=section)
            stack.callback(found[name].stop)
        for zone in found.values():
            zone.wait()
        yield found


def play(zone: RealMopidy) -> None:
    zone.rpc("core.tracklist.clear")
    zone.rpc("core.tracklist.add", uris=[f"spotify:track:{zone.name}"])
    zone.rpc("core.playback.play")


def test_one_account_in_two_zones(zones: dict[str, RealMopidy], tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    endpoints = [zone.endpoint for zone in zones.values()]
    usb = f"[usb]\nsysfs = '{nothing}'\n[hdmi2usb]\nsysfs = '{nothing}'\n[pulse]\nown = false\n"
    (tmp_path / "venue.toml").write_text(f"[mopidy]\nendpoints = {endpoints}\n{usb}[alsa]\nproc = '{nothing}'\n")
    env = {"FOH_VENUE": str(tmp_path / "venue.toml"), "FOH_STATE": str(tmp_path / "state")}

    def foh(*words: str) -> str:
        ran = subprocess.run(
            [*FOH, *words], env={**os.environ, **env}, cwd=ROOT, capture_output=True, text=True, timeout=BOUND
        )
        assert ran.returncode in (0, 1, 2), ran.stderr
        return ran.stdout

    for name in ("foyer", "bar"):
        play(zones[name])
    with Terminal(FOH, 160, 48, env) as screen:
        screen.wait_for("zones 3/3")
        screen.wait_for(CLEAN)
        play(zones["hall"])
        screen.wait_for("paused when hall started to play: both use one spotify account")
        screen.wait_for("0 CRIT  1 warn")  # one incident, and none of the zone that has its own
        assert (zones["bar"].rpc("core.playback.get_state"), zones["foyer"].rpc("core.playback.get_state")) == (
            "paused", "playing",
        )  # fmt: skip
        told = foh("status", "--json")
        accounts = {row["name"]: row["accounts"] for row in json.loads(told)["resources"]["zone"]}
        assert accounts["bar"] == accounts["hall"] != accounts["foyer"]
        assert "done:" in foh("act", "zone/hall", "stop", "--yes")
        assert "done:" in foh("act", "zone/bar", "play", "--yes")
        screen.wait_for(CLEAN)
        seen = (told + screen.raw.decode("utf-8", "replace")).casefold()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file())
    for secret in (SECRET, "house@", "other@"):
        assert secret not in seen
        assert secret.encode() not in kept
