"""Which Mopidys are found on this machine, and what their processes' configurations say about accounts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest

from backends.audio.mopidy import players
from backends.audio.mopidy.source import MopidySource, Settings, discover
from backends.contract import Context, Link, Unknown
from backends.runtime import SourceIO
from tests.integration.beds.mopidy import RealMopidy
from tests.integration.beds.mopidy_servers import Embedded
from tests.integration.watching import Watched, watching


async def test_discovery_takes_what_answers_as_mopidy_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int, tmp_path: Path
) -> None:
    server, stranger = Embedded(), await asyncio.start_server(_teapot, "127.0.0.1", 0)
    await server.start()
    ports = (server.server.port, stranger.sockets[0].getsockname()[1], unused_tcp_port)
    monkeypatch.setattr("backends.audio.mopidy.source.USUAL_PORTS", ports)
    found = await discover(Context("h", Settings()), SourceIO("t"))
    names = {each.name for each in found}  # and those of the other tests, by their processes
    assert names & {f"mopidy 127.0.0.1:{port}" for port in ports} == {f"mopidy 127.0.0.1:{ports[0]}"}
    stranger.close()
    await server.kill()


async def _teapot(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readline()
    writer.write(b"HTTP/1.1 418 teapot\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    writer.close()


async def test_zones_that_share_an_account_know_each_other_and_tell_no_secret(tmp_path: Path) -> None:
    """By the configurations of real processes. (The extension need not be there: Mopidy runs on without it.)"""
    secret = "[spotify]\nusername = house@venue.example\npassword = hunter2\n"
    servers = [RealMopidy(name, tmp_path / name, "fakesink", {}, wait=False) for name in ("bar", "foyer")]
    try:
        for server in servers:
            server.stop()
            server.config.write_text(server.config.read_text() + secret)
            server.start(wait=False)
        for server in servers:
            await asyncio.to_thread(server.wait)
        bar, foyer = (MopidySource("h", server.endpoint) for server in servers)
        async with watching(bar) as one, watching(foyer) as two:
            for watched in (one, two):
                await watched.until(lambda w: w.get("zone", "accounts"))
                assert "hunter2" not in str(watched.seen)
                assert "house" not in str(watched.seen)
            assert one.get("zone", "accounts") == two.get("zone", "accounts")
            first, other = (one, two) if bar.address < foyer.address else (two, one)
            await other.until(lambda w: [link.to.value for link in aside(w)] == [min(bar.address, foyer.address)])
            assert aside(first) == []
    finally:
        for server in servers:
            server.stop()


def aside(watched: Watched) -> list[Link]:
    zone = watched.of("zone")
    return [link for link in zone.links if link.relation.startswith("account ")] if zone else []


async def test_where_no_player_is_seen_among_the_processes_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "pids", list)
    monkeypatch.setattr(players, "_players", players._Players())
    server = Embedded()
    await server.start()
    async with watching(MopidySource("venue", server.endpoint)) as watched:
        await watched.until(lambda w: w.of("zone"))
    await server.kill()
    accounts = watched.get("zone", "accounts")
    assert isinstance(accounts, Unknown)
    assert accounts.detail
