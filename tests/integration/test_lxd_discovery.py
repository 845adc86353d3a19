"""Which sockets are tried for an LXD, and what is shown of a socket that is no LXD's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from backends.containers.lxd import LxdSource, Settings, discover
from backends.contract import Context, Source, State
from backends.demo.lxd import LxdServer
from backends.demo.lxd_shapes import sync
from backends.runtime import SourceIO
from tests.integration.beds.lxd_servers import EmbeddedServer
from tests.integration.watching import watching


async def test_sockets_are_found_by_configuration(tmp_path: Path) -> None:
    context = Context("venue", Settings(sockets=["alpha=/a/lxd.socket", "/b/lxd.socket"]))
    sources: list[Source] = list(await discover(context, SourceIO("discovery")))
    assert [(source.name, source.host) for source in sources] == [
        ("lxd alpha", "alpha"),
        ("lxd /b/lxd.socket", "venue"),
    ]


@pytest.mark.parametrize(
    ("mode", "state"), [("missing", State.REFUSED), ("stale", State.REFUSED), ("other", State.WRONG)]
)
async def test_what_is_no_lxd_is_said_to_be_none(tmp_path: Path, mode: str, state: State) -> None:
    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    path = tmp_path / "lxd.socket"
    server = None if mode == "missing" else await asyncio.start_unix_server(stranger, path)
    if server and mode == "stale":
        server.close()
        await server.wait_closed()
    async with watching(LxdSource("venue", str(path))) as watched:
        await watched.until(lambda w: w.state is state)
    if server:
        server.close()


@pytest.mark.parametrize("answer", [[], "x", {"environment": {}}, None, 7])
async def test_nonsense_instead_of_json_shapes_is_said(
    answer: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nonsense(self: LxdServer, request: web.Request) -> web.Response:
        return sync(answer)

    monkeypatch.setattr(LxdServer, "_list", nonsense)
    monkeypatch.setattr(LxdServer, "_resources", nonsense)
    embedded = EmbeddedServer(tmp_path)
    await embedded.start()
    try:
        async with watching(LxdSource("venue", embedded.socket)) as watched:
            wanted = State.OK if answer is None else State.WRONG
            await watched.until(lambda w: w.state is wanted)
            assert answer is None or "LXD answers with a" in watched.sentence
            assert watched.of("instance") is None
    finally:
        await embedded.kill()
