"""Hostile texts from every system, through the embedded servers, on every screen and in every output: nothing that
a terminal would act on, no crash, no action run, and markup shown as it is."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from backends.demo import lxd
from backends.demo.lxd_shapes import Box
from backends.demo.mopidy import Track
from backends.demo.world import ZONES, World
from backends.testing.payloads import MARKUP, PAYLOADS
from tests.patience import BOUND
from tests.terminal import FOH, ROOT, SEQUENCE, Terminal

# All that Textual 8 itself sends: modes, questions, places, colours, erasing.
OWN = re.compile(
    rb"\x1b\[(?:\?[0-9;]+[hl]|\?[0-9]+\$p|>[0-9]+u|<u|[0-9]*;?[0-9]*H|[0-9;:]*m|[0-9]*[JKABCDGX])|\x1b\]22;[a-z]*\x07"
)
COPY = re.compile(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07")  # to the clipboard, when `y` is pressed
ACTED_ON = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
EMPTY = "a command, a resource"  # where a command is typed
ROUNDS = [list(PAYLOADS)[start : start + len(ZONES)] for start in range(0, len(PAYLOADS), len(ZONES))]


def poison(world: World, texts: Mapping[str, str]) -> None:
    """One payload a zone, board, container, operation and picture source."""
    for number, ((zone, port), text) in enumerate(zip(ZONES.items(), texts.values(), strict=False)):
        player = world.zones[zone].player
        player.tracks[player.current or 1] = Track(text, text)
        player.state = "paused"
        for attribute in ("product", "manufacturer"):
            path = world.trees.sysfs / "bus/usb/devices" / port / attribute
            if path.exists():  # in this world one board is gone
                path.write_bytes(text.encode("utf-8", "surrogateescape"))
        host = world.hosts["beta"]
        host.add(Box(text or "-", project=f"p{number}", image=text, status="Stopped"))
        host.finish(host.add_operation(text, f"i{number}"), text or "it failed")
    world.mixer.sources[:] = ["_".join(text.replace(",", "_").split())[:200] or "-" for text in texts.values()]


def state(world: World) -> object:
    """What an action would change."""
    players = [server.player for server in world.zones.values()]
    return (
        [(player.state, player.volume, player.mute, player.current) for player in players],
        (world.mixer.a, world.mixer.b, world.mixer.mode, world.mixer.blank_source),
        {(host.name, box.key): box.status for host in world.hosts.values() for box in host.boxes.values()},
        [world.trees.get(port, "power/control") for name, port in ZONES.items() if name != "kitchen"],
        [(fader.level, fader.mute) for fader in map(world.mixers.get, world.trees.cards)],
    )


def venue_file(world: World, stranger: int) -> str:
    """The world's configuration as TOML, with a stranger beside the voctocore."""
    config = world.config()
    names, joins, host = config.pop("names"), config.pop("joins"), config.pop("host")
    config["voctomix"] = {"endpoints": [f"127.0.0.1:{world.mixer.port}", f"127.0.0.1:{stranger}"]}
    lines = [f'host = "{host}"', f"inventory = {json.dumps(config.pop('inventory'))}", "[names]"]
    lines += [f"{json.dumps(id)} = {json.dumps(name)}" for id, name in dict(names).items()]  # type: ignore[call-overload]
    for join in joins:  # type: ignore[attr-defined]
        lines += ["[[joins]]", *(f"{key} = {json.dumps(value)}" for key, value in join.items())]
    for section, settings in config.items():
        lines += [f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in settings.items())]  # type: ignore[attr-defined]
    return "\n".join(lines) + "\n"


def walk(terminal: Terminal, rows: int) -> str:
    """Opens everything there is to open, and closes it again. Returns all that was on the screen."""
    seen: list[str] = []

    def press(*keys: str) -> None:
        for key in keys:
            terminal.press(key)
            terminal.settled(looks=2)
            seen.append(terminal.text)
            assert terminal.process.poll() is None, f"ended at {key}"

    terminal.wait_for("zones ")
    terminal.settled()
    for pane in "1234":
        press(pane)
        for _ in range(rows):
            press("enter", "pagedown", "escape", "down")
        press("a", "enter")
        terminal.settled()  # what it plans, it may have to ask for
        seen.append(terminal.text)
        press("escape", "escape")
        press(pane, "/", "A")
        press("escape", "l", "escape", "i")
    press("1", "m")
    press("escape", "i")
    for _ in range(5):
        press("enter", "pagedown", "escape", "down")
    press(":")
    terminal.wait_for(EMPTY)  # which is gone with the first letter
    seen.append(terminal.text)
    press("A")
    press("escape", "escape", "?", "escape", "i", "y")
    return "\n".join(seen)


def strings(said: object) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    elif isinstance(said, dict):
        for key, value in said.items():
            yield from (key, *strings(value))
    elif isinstance(said, list):
        for value in said:
            yield from strings(value)


def assert_own(raw: bytes) -> None:
    """Only sequences of the program's own, and no other control character."""
    copied = [base64.b64decode(match).decode() for match in COPY.findall(raw)]
    assert len(copied) == 1
    assert copied[0].isprintable()
    raw = COPY.sub(b"", raw)
    assert [sequence for sequence in SEQUENCE.findall(raw) if not OWN.fullmatch(sequence)] == []
    assert ACTED_ON.findall(SEQUENCE.sub(b"", raw).replace(b"\r\n", b"\n").decode()) == []


# The small terminal opens the same screens with the same code: some of the payloads are enough to show that it does.
WALKS = [(names, (160, 48)) for names in ROUNDS] + [(names, (80, 24)) for names in ROUNDS[:2]]


@pytest.mark.parametrize(
    ("names", "size"), WALKS, ids=[f"{names[0]}-to-{names[-1]}-{size[0]}x{size[1]}" for names, size in WALKS]
)
async def test_nothing_hostile_gets_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], size: tuple[int, int]
) -> None:
    texts = {name: PAYLOADS[name] for name in names}
    monkeypatch.setattr(lxd, "FORGET", BOUND)

    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for text in texts.values():
            writer.write(text.encode("utf-8", "surrogateescape") + b"\n")

    server = await asyncio.start_server(stranger, "127.0.0.1", 0)
    async with server, World(tmp_path / "world", still=True).running() as world:
        poison(world, texts)
        before = state(world)
        (tmp_path / "venue.toml").write_text(venue_file(world, server.sockets[0].getsockname()[1]))
        env = {
            "FOH_VENUE": str(tmp_path / "venue.toml"),
            "FOH_STATE": str(tmp_path / "state"),
            "HOME": str(tmp_path),
        }
        with Terminal(FOH, *size, env=env) as terminal:
            seen = await asyncio.to_thread(walk, terminal, len(ZONES) if size[0] > 80 else 3)
            terminal.press("q")
            assert await asyncio.to_thread(terminal.ended) == 0
            assert_own(bytes(terminal.raw))
        said = await asyncio.to_thread(status, env, "--json")
        plain = await asyncio.to_thread(status, env)
        assert state(world) == before
    for opened in (
        "-- fields",
        "-- leads to",
        "-- offers",
        "actions on",
        "Cancel",
        "filter:",
        "open since",
        EMPTY,
    ):
        assert opened in seen, opened
    for name in MARKUP.keys() & texts.keys():
        if size[0] > 80:  # on a small terminal not every detail was opened, and a long title is cut
            assert MARKUP[name] in seen, name
        assert any(MARKUP[name] == zone["title"] for zone in json.loads(said)["resources"]["zone"]), name
    assert [text for text in strings(json.loads(said)) if ACTED_ON.search(text) or "\n" in text] == []
    assert ACTED_ON.findall(plain) == []
    assert ACTED_ON.findall(said) == []
    assert journal(tmp_path / "state/journal.sqlite") == []


def status(env: Mapping[str, str], *words: str) -> str:
    done = subprocess.run(
        [*FOH, "status", *words], cwd=ROOT, env={**os.environ, **env}, capture_output=True, timeout=BOUND
    )
    assert done.returncode in (1, 2), done.stderr
    return done.stdout.decode()


def journal(path: Path) -> list[str]:
    """What stands in the journal and should not. It is not empty."""
    with sqlite3.connect(path) as db:
        rows = db.execute("SELECT who, what, subject, text, data FROM entry").fetchall()
    assert rows
    texts = [text for row in rows for text in (*row[:4], *strings(json.loads(row[4])))]
    return [text for text in texts if ACTED_ON.search(text) or "\n" in text]
