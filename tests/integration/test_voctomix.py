"""The voctomix backend against a real voctocore and the embedded one: one suite, so that neither drifts."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from backends.capture import voctomix
from backends.capture.rules import blanked
from backends.capture.voctomix import Settings, VoctomixSource, address, discover
from backends.contract import Context, Refused, Source, State, source_id
from backends.demo.voctocore import MODES
from backends.demo.voctocore import Voctocore as Embedded
from backends.runtime import SourceIO
from tests.integration.beds.voctocore import Voctocore as Real
from tests.integration.watching import Watched, watching
from tests.patience import NEVER, limit


class Core(Protocol):
    """What a test does to a core, whichever it is."""

    endpoint: str

    async def kill(self) -> None: ...
    async def start(self) -> None: ...
    def hang(self, yes: bool) -> None: ...


class EmbeddedCore:
    def __init__(self) -> None:
        self.core, self.endpoint = Embedded(), ""

    async def start(self) -> None:
        await self.core.start()
        self.endpoint = f"127.0.0.1:{self.core.port}"

    async def kill(self) -> None:
        await self.core.close()

    def hang(self, yes: bool) -> None:
        self.core.hang(yes)


class RealCore:
    def __init__(self, core: Real) -> None:
        self.core, self.endpoint = core, core.endpoint

    async def start(self) -> None:
        self.core.start()  # in this thread: its end would be the core's

    async def kill(self) -> None:
        await asyncio.to_thread(self.core.kill)

    def hang(self, yes: bool) -> None:
        self.core.signal(signal.SIGSTOP if yes else signal.SIGCONT)

    def mend(self) -> None:
        """As the next test needs it, whatever this one has left."""
        if self.core.runs:
            self.hang(False)
        else:
            self.core.start()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    core = Real(tmp_path_factory.mktemp("voctocore"))
    yield core
    core.close()


@pytest.fixture(params=["embedded", "real"])
async def core(request: pytest.FixtureRequest) -> AsyncIterator[Core]:
    if request.param == "real":
        actual = RealCore(request.getfixturevalue("real"))
        yield actual
        actual.mend()
        return
    embedded = EmbeddedCore()
    await embedded.start()
    yield embedded
    await embedded.kill()


@pytest.fixture
async def mixer(core: Core) -> AsyncIterator[Watched]:
    await tell(core, "set_videos_and_composite cam1 cam2 fullscreen", "set_stream_live")
    async with watching(VoctomixSource("venue", core.endpoint)) as watched:
        await watched.until(lambda w: w.of("mixer"))
        yield watched


async def tell(core: Core, *lines: str) -> list[str]:
    """An outsider's own connection; what was said to it up to the last answer."""
    host, port = core.endpoint.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    with contextlib.closing(writer):
        writer.write("".join(f"{line}\n" for line in (*lines, "fetch_value end")).encode())
        said = []
        async with limit():
            while (line := (await reader.readline()).decode()) and not line.startswith("value end"):
                said.append(line.rstrip("\n"))
        return said


async def test_everything_is_read(mixer: Watched) -> None:
    said = mixer.of("mixer")
    assert said is not None
    assert (mixer.state, mixer.get("mixer", "version")) == (State.OK, "1.x")
    assert mixer.get("mixer", "sources") == ("cam1", "cam2", "grabber")
    assert mixer.get("mixer", "composites") == MODES
    assert [mixer.get("mixer", field) for field in ("a", "b", "on_air", "stream")] == [
        "cam1",
        "cam2",
        "cam1",
        "live",
    ]
    assert mixer.get("mixer", "audio") == "cam1 100%, cam2 0%, grabber 0%"
    assert {offer.action for offer in said.offers} == {"cut-a", "cut-b", "composite", "live", "blank"}
    blank = said.offer("blank")
    assert blank is not None
    assert blank.args[0].choices == ("pause", "nostream")


@pytest.mark.usefixtures("mixer")
async def test_what_somebody_else_does_is_seen_as_it_is_said(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    mode = random.choice(MODES[1:])
    monkeypatch.setattr(voctomix, "EVERY", NEVER)
    async with watching(VoctomixSource("venue", core.endpoint)) as mixer:
        await mixer.until(lambda w: w.of("mixer"))
        await follows(core, mixer, mode)


async def follows(core: Core, mixer: Watched, mode: str) -> None:
    for line, field, value in (
        ("set_video_a grabber", "on_air", "grabber"),
        ("set_stream_blank nostream", "stream", "blank nostream"),
        (f"set_videos_and_composite cam2 grabber {mode}", "on_air", "cam2 + grabber"),
        (f"set_composite_mode {mode}", "composite", mode),
    ):
        sent = asyncio.create_task(tell(core, line))
        await mixer.until(lambda w, field=field, value=value: w.get("mixer", field) == value)
        await sent


async def test_blanked_says_since_when(core: Core, mixer: Watched) -> None:
    await tell(core, "set_stream_blank pause")
    await mixer.until(lambda w: w.get("mixer", "stream") == "blank pause")
    verdict = blanked(mixer.of("mixer"), None)  # type: ignore[arg-type]
    assert "since " in verdict.findings[0].cause
    async with watching(VoctomixSource("venue", core.endpoint)) as late:
        await late.until(lambda w: w.of("mixer"))
        finding = blanked(late.of("mixer"), None).findings[0]  # type: ignore[arg-type]
        assert "since when" in finding.not_known


@pytest.mark.parametrize(
    ("action", "args"),
    [
        ("cut-a", {"source": "cam2"}),
        ("cut-a", {"source": "grabber"}),
        ("cut-b", {"source": "grabber"}),
        ("composite", {"mode": "picture_in_picture"}),
        ("blank", {"source": "nostream"}),
        ("blank", {}),
    ],
)
async def test_an_action_works_and_is_refused_the_second_time(
    mixer: Watched, action: str, args: dict[str, str]
) -> None:
    target = mixer.of("mixer")
    assert target is not None
    plan = await mixer.act(target, action, args)
    assert len(plan.steps) == 1
    assert bool(plan.interrupts) == (action == "blank")
    offer = target.offer(action)
    assert offer is not None
    with pytest.raises(Refused, match="already"):
        await mixer.source.plan(offer, args, mixer.runtime.io(source_id(mixer.source)))


async def test_live_again_after_blank(core: Core, mixer: Watched) -> None:
    await tell(core, "set_stream_blank pause")
    await mixer.until(lambda w: w.get("mixer", "stream") == "blank pause")
    target = mixer.of("mixer")
    assert target is not None
    await mixer.act(target, "live")
    after = mixer.of("mixer")
    assert after is not None
    offer = after.offer("live")
    assert offer is not None
    assert offer.blocked


async def test_the_shell_command_shown_does_the_same(mixer: Watched) -> None:
    target = mixer.of("mixer")
    assert target is not None
    offer = target.offer("cut-a")
    assert offer is not None
    plan = await mixer.source.plan(offer, {"source": "grabber"}, mixer.runtime.io(source_id(mixer.source)))
    await asyncio.to_thread(subprocess.run, ["bash", "-c", plan.steps[0].shell], check=True)
    await mixer.until(lambda w: w.get("mixer", "a") == "grabber")


async def test_a_value_that_is_no_choice_is_refused(mixer: Watched) -> None:
    target = mixer.of("mixer")
    assert target is not None
    offer = target.offer("cut-a")
    assert offer is not None
    with pytest.raises(Refused, match="must be one of cam1, cam2, grabber"):
        await mixer.source.plan(offer, {"source": "cam1\nset_stream_live"}, mixer.runtime.io(source_id(mixer.source)))


async def test_killed_hung_and_back(core: Core, mixer: Watched) -> None:
    core.hang(True)
    await mixer.until(lambda w: w.state is State.HUNG)
    core.hang(False)
    await mixer.until(lambda w: w.state is State.OK)
    await core.kill()
    await mixer.until(lambda w: w.state is State.REFUSED)
    await core.start()
    await mixer.until(lambda w: w.state is State.OK)


async def test_errors_are_the_same_words(core: Core) -> None:
    said = await tell(
        core, "bogus 1", "set_video_a nosuch", "set_video_a", "set_composite_mode nosuch", "set_stream_blank nosuch"
    )
    assert said == [
        "error unknown command bogus",
        "error 'nosuch' is not in list",
        "error ControlServerCommands.set_video_a() missing 1 required positional argument: 'src_name'",
        "error 'nosuch'",
        "error 'nosuch' is not in list",
    ]


async def test_broadcasts_come_in_the_same_order(core: Core) -> None:
    said = await tell(core, "set_composite_mode side_by_side_equal", "set_stream_live", "message hi you")
    assert [line.split()[0] for line in said] == [
        "composite_mode",
        "video_status",
        "composite_mode_and_video_status",
        "stream_status",
        "message",
    ]


@pytest.mark.parametrize(
    "banner", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\0" * 100 + b"\n"]
)
async def test_a_stranger_on_the_port_is_said_to_be_one(banner: bytes) -> None:
    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(banner)

    async with await asyncio.start_server(stranger, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with watching(VoctomixSource("venue", f"127.0.0.1:{port}")) as watched:
            await watched.until(lambda w: w.state is State.WRONG)
            assert "no voctocore" in watched.sentence
            await watched.again(1)
            assert watched.state is State.WRONG


async def test_sources_are_found_by_configuration() -> None:
    context = Context("venue", Settings(endpoints=["127.0.0.1:1", "10.0.0.5"]))
    sources: list[Source] = list(await discover(context, SourceIO("discovery")))
    assert [source.name for source in sources] == ["voctomix 127.0.0.1:1", "voctomix 10.0.0.5:9999"]
    assert address("[::1]:9998") == "[::1]:9998"


@pytest.mark.parametrize(("who", "found"), [("core", 1), ("hung core", 1), ("nobody", 0), ("a stranger", 0)])
async def test_the_usual_port_is_looked_at(who: str, found: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail\r\n")

    core = EmbeddedCore()
    await core.start()
    core.hang(who == "hung core")
    monkeypatch.setattr(voctomix, "USUAL", core.endpoint)
    if who in ("nobody", "a stranger"):
        await core.kill()
    server = await asyncio.start_server(stranger, "127.0.0.1", core.core.port) if who == "a stranger" else None
    assert len(await discover(Context("venue", Settings()), SourceIO("discovery"))) == found
    await core.kill()
    if server:
        server.close()


def test_the_real_core_is_in_its_own_namespace(real: Real) -> None:
    assert f":{9999:04X} " not in Path("/proc/net/tcp6").read_text()
