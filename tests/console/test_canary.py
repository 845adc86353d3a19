"""A password that is planted wherever a backend reads one is found in nothing that foh says or writes."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from backends.demo.mopidy import MopidyServer, Player, Track
from tests.patience import limit
from tests.terminal import FOH, Terminal

CANARY = "Qx7canary9"
PLACES = {
    "a track's name": Track(f"live http://dj:{CANARY}@radio/stream", "A"),
    "a track's artist": Track("two", f"token={CANARY}"),
}


async def foh(env: dict[str, str], *words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *FOH, *words, env={**os.environ, **env}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with limit():
        said, _ = await process.communicate()
    return said.decode()


async def test_nothing_that_foh_says_or_writes_holds_a_secret(tmp_path: Path) -> None:
    player = Player(list(PLACES.values()))
    server = MopidyServer(player)
    await server.start()
    endpoint = f"http://foh:{CANARY}@127.0.0.1:{server.port}"
    venue = tmp_path / "venue.toml"
    venue.write_text(
        f'host = "h"\n[mopidy]\nendpoints = ["{endpoint}"]\n[names]\n"zone/127.0.0.1:{server.port}" = "bar"\n'
    )
    env = {"FOH_VENUE": str(venue), "FOH_STATE": str(tmp_path / "state"), "HOME": str(tmp_path)}

    said = [
        await foh(env, *words)
        for words in (
            ("status",), ("status", "--json"), ("doctor",), ("act", "zone/bar"), ("act", "zone/bar", "pause"),
            ("act", "zone/bar", "pause", "--yes"), ("act", "zone/bar", "next", "--yes"), ("init", "--yes"),
        )
    ]  # fmt: skip
    screen = await asyncio.to_thread(looked_at, env)
    await server.stop()
    down = [await foh(env, "status"), await foh(env, "status", "--json")]
    assert "done" in said[5]  # it is connected, with the password
    written = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert written
    for text in (*said, *screen, *down, *(path.read_bytes().decode("latin-1") for path in written)):
        assert CANARY not in text, text[max(0, text.index(CANARY) - 300) : text.index(CANARY) + 50]
    assert CANARY in venue.read_text()  # where the operator keeps it


def looked_at(env: dict[str, str]) -> list[str]:
    """Everything that was ever painted: the zone, its details, its log, the plan of an action."""
    with Terminal([sys.executable, "-m", "console"], 160, 48, env) as terminal:
        terminal.wait_for("paused")
        terminal.press("1", "enter")
        terminal.wait_for("playback")
        terminal.press("escape")
        terminal.settled()
        terminal.press("a")
        terminal.wait_for("actions on")
        return [terminal.text, terminal.raw.decode(errors="replace")]
