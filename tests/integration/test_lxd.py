"""The lxd backend against a real LXD and the embedded one: one suite, so that neither drifts."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from backends.containers.lxd import LxdSource
from backends.contract import Refused, State, Unknown, source_id
from backends.kinds import Instance, Operation
from tests.integration.beds.lxd import Lxd
from tests.integration.beds.lxd_servers import EmbeddedServer, RealServer, Server
from tests.integration.watching import Watched, carry_out, watching
from tests.patience import NEVER


@pytest.fixture(scope="module")
def bed() -> Iterator[Lxd]:
    lxd = Lxd()
    yield lxd
    lxd.close()


@pytest.fixture(params=["embedded", "real"])
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Server]:
    if request.param == "real":
        real = RealServer(request.getfixturevalue("bed"))
        yield real
        real.mend()
        return
    embedded = EmbeddedServer(tmp_path)
    await embedded.start()
    yield embedded
    await embedded.kill()


@pytest.fixture
async def lxd(server: Server) -> AsyncIterator[Watched]:
    """A source on it, in the state that every test starts from."""
    async with watching(LxdSource("venue", server.socket)) as watched:
        await watched.until(lambda w: w.of("instance", "web1"))
        for name, wanted in (("web1", "Running"), ("web2", "Stopped"), ("stage/web1", "Stopped")):
            if watched.get("instance", "state", name) != wanted:
                project, _, short = name.rpartition("/")
                await server.do("start" if wanted == "Running" else "stop", short, project or "default")
        await watched.until(lambda w: w.get("instance", "state", "web1") == "Running")
        yield watched


def instance(lxd: Watched, name: str) -> Instance:
    found = lxd.of("instance", name)
    assert isinstance(found, Instance)
    return found


def failures(lxd: Watched, subject: str) -> list[Operation]:
    found = [r for r in lxd.resources.values() if isinstance(r, Operation)]
    return [operation for operation in found if (operation.subject, operation.state) == (subject, "Failure")]


async def test_everything_is_read(lxd: Watched) -> None:
    web1, web2, host = instance(lxd, "web1"), instance(lxd, "web2"), lxd.of("host")
    assert host is not None
    assert {r.id.local for r in lxd.resources.values() if r.id.kind == "instance"} == {"web1", "web2", "stage/web1"}
    assert (web1.state, web1.host, web1.project, web1.image) == ("Running", "alpha", "default", "busybox")
    assert isinstance(web1.pid, int)
    assert isinstance(web1.memory, float)
    assert web1.memory > 0
    assert isinstance(web2.pid, Unknown)
    assert isinstance(web2.memory, Unknown)
    assert web2.snapshots == ()
    assert instance(lxd, "stage/web1").project == "stage"
    assert (lxd.get("host", "server"), lxd.get("host", "instances"), lxd.get("host", "running")) == (
        "lxd 5.0.2",
        3,
        1,
    )
    assert web1.links[0].to in host.keys


@pytest.mark.usefixtures("lxd")
async def test_what_somebody_else_does_is_seen_by_its_event(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.containers.lxd.EVERY", NEVER)
    async with watching(LxdSource("venue", server.socket)) as lxd:
        await lxd.until(lambda w: w.of("instance", "web1"))
        for action, wanted in (("start", "Running"), ("stop", "Stopped")):
            await server.do(action, "web2")
            await lxd.until(lambda w, wanted=wanted: w.get("instance", "state", "web2") == wanted)
        await server.do("start", "web1", "stage")
        await lxd.until(lambda w: w.get("instance", "state", "stage/web1") == "Running")
        await lxd.until(lambda w: w.get("host", "running") == 2)


async def test_every_action_works(lxd: Watched) -> None:
    before = instance(lxd, "web1").pid
    for name, action, args in (
        ("web2", "start", {}),
        ("web1", "restart", {"how": "force"}),
        ("web1", "snapshot", {}),
        ("web1", "snapshot", {"name": "evening"}),
        ("stage/web1", "snapshot", {"name": "s.1"}),
        ("stage/web1", "start", {}),
        ("web2", "stop", {"how": "force"}),
        ("stage/web1", "stop", {}),
    ):
        plan = await lxd.act(instance(lxd, name), action, args)
        (step,) = plan.steps
        known = await lxd.source.done(step, lxd.runtime.io(source_id(lxd.source)))
        assert known is (None if action == "restart" else True)
    after = instance(lxd, "web1")
    assert isinstance(after.pid, int)
    assert after.pid != before
    assert isinstance(after.snapshots, tuple)
    assert {"snap0", "evening"} <= set(after.snapshots)
    offer = after.offer("snapshot")
    assert offer is not None
    assert offer.args[0].default == "snap1"
    with pytest.raises(Refused, match="snapshot evening already"):
        await lxd.source.plan(offer, {"name": "evening"}, lxd.runtime.io(source_id(lxd.source)))
    with pytest.raises(Refused, match="name is letters"):
        await lxd.source.plan(offer, {"name": "a/../b c"}, lxd.runtime.io(source_id(lxd.source)))


async def test_a_frozen_instance_is_let_run_again_with_the_same_process(server: Server, lxd: Watched) -> None:
    pid = instance(lxd, "web1").pid
    await server.do("pause", "web1")
    await lxd.until(lambda w: w.get("instance", "state", "web1") == "Frozen")
    await lxd.act(instance(lxd, "web1"), "unfreeze")
    assert instance(lxd, "web1").pid == pid
    assert instance(lxd, "web1").offer("unfreeze") is None


async def test_a_plan_does_not_trip_over_a_reading(lxd: Watched) -> None:
    """The runtime has one thread for a source: twenty plans at once, while it is being read."""
    io, offer = lxd.runtime.io(source_id(lxd.source)), instance(lxd, "web1").offer("snapshot")
    assert offer is not None
    plans = await asyncio.gather(*(lxd.source.plan(offer, {"name": f"s{n}"}, io) for n in range(20)))
    assert [plan.args["name"] for plan in plans] == [f"s{n}" for n in range(20)]
    assert lxd.state is State.OK


async def test_what_is_so_already_is_refused_with_the_reason(lxd: Watched) -> None:
    for name, action, why in (("web1", "start", "running already"), ("web2", "stop", "stopped")):
        offer = instance(lxd, name).offer(action)
        assert offer is not None
        assert why in offer.blocked
        with pytest.raises(Refused, match=why):
            await lxd.source.plan(offer, {}, lxd.runtime.io(source_id(lxd.source)))


async def test_lxds_own_words_are_said_when_it_fails(server: Server, lxd: Watched) -> None:
    """Planned while it was stopped, started by somebody else before the yes: LXD's operation fails."""
    offer = instance(lxd, "web2").offer("start")
    assert offer is not None
    io = lxd.runtime.io(source_id(lxd.source))
    plan = await lxd.source.plan(offer, {}, io)
    await server.do("start", "web2")
    with pytest.raises(Refused, match="LXD says: The instance is already running"):
        await carry_out(lxd.source, plan, io)
    await lxd.until(lambda w: failures(w, "web2"))
    failure = failures(lxd, "web2")[-1]
    assert (failure.subject, failure.error) == ("web2", "The instance is already running")
    assert failure.links[0].to in instance(lxd, "web2").keys


async def test_an_operation_is_seen_and_its_end_is_not_missed(lxd: Watched) -> None:
    await lxd.act(instance(lxd, "web2"), "start")

    def states(w: Watched) -> list[object]:
        said = [r for o in w.seen for r in o.upserts if isinstance(r, Operation) and r.what == "Starting instance"]
        return [op.state for op in said if op.subject == "web2"]

    await lxd.until(lambda w: states(w)[-1:] == ["Success"])


async def test_killed_hung_and_back(server: Server, lxd: Watched) -> None:
    server.hang(True)
    await lxd.until(lambda w: w.state is State.HUNG)
    server.hang(False)
    await lxd.until(lambda w: w.state is State.OK)
    await server.kill()
    await lxd.until(lambda w: w.state is State.REFUSED)
    await server.start()
    await lxd.until(lambda w: w.state is State.OK)
    assert instance(lxd, "web1").name == "web1"


async def test_it_does_not_matter_what_the_environment_says(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with watching(LxdSource("venue", server.socket)) as watched:
        await watched.until(lambda w: w.of("instance", "web1"))


async def test_without_httpx_there_is_nothing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither client is an ornament: with a stub in its place the source is sick."""
    import httpx

    def stub(*args: object, **keywords: object) -> object:
        return object()

    for name in ("AsyncClient", "Client"):
        with monkeypatch.context() as patch:
            patch.setattr(httpx, name, stub)
            async with watching(LxdSource("venue", server.socket)) as watched:
                await watched.until(lambda w: w.state not in (State.STARTING, State.OK))
                assert not watched.resources


async def test_the_shell_command_shown_does_the_same(bed: Lxd) -> None:
    async with watching(LxdSource("venue", bed.socket)) as watched:
        await watched.until(lambda w: w.of("instance", "web1"))
        io = watched.runtime.io(source_id(watched.source))
        for action, args in (("snapshot", {"name": "by-hand"}), ("stop", {"how": "force"}), ("start", {})):
            offer = instance(watched, "web1").offer(action)
            assert offer is not None
            plan = await watched.source.plan(offer, args, io)
            home = {"HOME": str(bed.folder / "conf"), "PATH": bed.environ["PATH"]}
            await asyncio.to_thread(subprocess.run, ["sh", "-c", plan.steps[0].shell], check=True, env=home)
            wanted = {"snapshot": "by-hand", "stop": "Stopped", "start": "Running"}[action]
            field = plan.expect[0].field
            await watched.until(lambda w, f=field, v=wanted: v in str(w.get("instance", f, "web1")))


async def test_what_is_created_is_seen_with_its_progress_and_what_is_deleted_is_gone(bed: Lxd) -> None:
    async with watching(LxdSource("venue", bed.socket)) as watched:
        await watched.until(lambda w: w.of("instance", "web1"))
        percents: list[int] = []
        while not percents:  # on a busy machine one may be made before anybody has read how far it is
            await asyncio.to_thread(bed.lxc, "init", "busybox", "web3")
            await watched.until(lambda w: w.get("instance", "state", "web3") == "Stopped")
            made = [r for o in watched.seen for r in o.upserts if isinstance(r, Operation) and r.subject == "web3"]
            percents = [op.percent for op in made if isinstance(op.percent, int)]
            await asyncio.to_thread(bed.lxc, "delete", "web3")
            await watched.until(lambda w: w.of("instance", "web3") is None)
        assert percents == sorted(percents)


async def test_a_burst_of_progress_is_a_few_observations(tmp_path: Path) -> None:
    embedded = EmbeddedServer(tmp_path)
    await embedded.start()
    try:
        async with watching(LxdSource("venue", embedded.socket)) as watched:
            await watched.until(lambda w: w.of("instance", "web1"))
            operation, before = embedded.server.add_operation("Copying instance", "web1"), len(watched.seen)
            for mebibytes in range(100):
                embedded.server.progress(operation, f"web1: {mebibytes}.00MB (15.17MB/s)")
                await asyncio.sleep(0)
            await watched.until(lambda w: w.get("operation", "progress") == "web1: 99.00MB (15.17MB/s)")
            assert len(watched.seen) - before <= 10
            assert "LXD is busy" in next(offer.blocked for offer in instance(watched, "web1").offers)
            embedded.server.finish(operation, "No space left on device")
            await watched.until(lambda w: failures(w, "web1"))
    finally:
        await embedded.kill()


async def test_memory_is_kept_until_the_next_start(tmp_path: Path) -> None:
    """On the embedded server only: the real one needs a kernel like the one that `tests/rig` has for it."""
    embedded = EmbeddedServer(tmp_path)
    await embedded.start()
    try:
        async with watching(LxdSource("venue", embedded.socket)) as watched:
            await watched.until(lambda w: w.of("instance", "web1"))
            for action, args, kept in (("stop", {"how": "keep"}, True), ("start", {}, False)):
                await watched.act(instance(watched, "web1"), action, args)
                assert instance(watched, "web1").kept is kept
    finally:
        await embedded.kill()


async def test_a_crash_seen_from_inside(bed: Lxd) -> None:
    """The container's own first process ends: nobody asked LXD for it."""
    async with watching(LxdSource("venue", bed.socket)) as watched:
        await watched.until(lambda w: w.get("instance", "state", "web1") == "Running")
        bed.lxc("exec", "web1", "--", "/bin/busybox", "poweroff", "-f")
        await watched.until(lambda w: w.get("instance", "state", "web1") == "Stopped")
