"""The runtime: what dies, fails or lies is one source's trouble, and said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from backends.children import FIRST_PAUSE, LONGEST_PAUSE
from backends.clock import MachineClock
from backends.contract import IO, Health, Id, Observation, Remedy, State
from backends.kinds import Zone
from backends.runtime import PACE, Runtime, SourceIO
from backends.testing.payloads import PAYLOADS
from tests.backends.scripted import Scripted, runtime, said
from tests.patience import NEVER, POLL, limit

# --- health and back-off ----------------------------------------------------------------------------------


class Hurried(MachineClock):
    """Notes for how long it is asked to sleep, and does not."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)


async def test_a_failing_source_is_asked_less_and_less_often() -> None:
    clock = Hurried()
    well = iter([False] * 7 + [True] + [False] * 3)

    async def fails(io: IO) -> AsyncGenerator[Observation, None]:
        if next(well, False):
            yield Observation()
        raise OSError("down")

    async with runtime(Scripted("fails", fails), clock=clock) as started:
        found = await said(started, 12)
    pauses = [pause for pause in clock.pauses if pause != PACE]
    assert pauses[:7] == [FIRST_PAUSE, 0.5, 1, 2, 4, LONGEST_PAUSE, LONGEST_PAUSE]
    assert pauses[7:10] == [FIRST_PAUSE, 0.5, 1]  # once well, from the beginning
    assert [o.seq for o in found] == list(range(1, 13))


async def test_a_source_that_ends_quietly_is_not_taken_for_well() -> None:
    async def ends(io: IO) -> AsyncGenerator[Observation, None]:
        yield Observation()

    async with runtime(Scripted("ends", ends)) as started:
        assert [o.health.state for o in await said(started, 2)] == [State.OK, State.REFUSED]


async def test_a_source_that_says_itself_what_is_wrong_ends_with_that() -> None:
    hung = Health(State.HUNG, "no answer", Remedy("restart it", "restart", Id("h", "zone", "bar")))

    async def ends(io: IO) -> AsyncGenerator[Observation, None]:
        yield Observation()
        yield Observation(hung)

    async with runtime(Scripted("ends", ends)) as started:
        first, second, third, fourth = await said(started, 4)
    assert [o.health for o in (first, second, third, fourth)] == [Health(), hung, Health(), hung]


async def forever() -> None:
    await asyncio.Event().wait()


# --- who begins when --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("silent", "order"), [(False, ["first", "late"]), (True, ["late"])])
async def test_a_heavy_import_waits_until_the_others_have_spoken_but_not_for_one_that_hangs(
    silent: bool, order: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.runtime.OTHERS", POLL if silent else NEVER)

    async def first(io: IO) -> AsyncGenerator[Observation, None]:
        if silent:
            await forever()
        yield Observation()
        await forever()

    async def late(io: IO) -> AsyncGenerator[Observation, None]:
        await io.load("colorsys", late=True)
        yield Observation()
        await forever()

    started = Runtime()
    started.start([Scripted("late", late), Scripted("first", first)])
    assert [o.source.local for o in await said(started, len(order))] == order
    await started.stop()


async def test_a_heavy_import_of_a_source_alone_begins_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def late(io: IO) -> AsyncGenerator[Observation, None]:
        await io.load("colorsys", late=True)
        yield Observation()
        await forever()

    monkeypatch.setattr("backends.runtime.OTHERS", NEVER)
    started = Runtime()
    started.start([Scripted("late", late)])
    assert await said(started, 1)
    await started.stop()


async def test_a_source_that_waits_looks_again_when_a_run_has_touched_it_and_for_a_while_after() -> None:
    io = SourceIO("s")
    waiting = asyncio.create_task(io.wait(NEVER))
    await asyncio.sleep(0)
    io.touch()
    async with limit():
        await waiting
        await io.wait(NEVER)  # what was done may take its time to be seen


async def test_news_end_a_wait_and_what_is_awaited_for_them_does_not_stay_behind() -> None:
    io = SourceIO("s")
    news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    await io.wait(0, news)
    assert news.cancelled()

    async def fails() -> None:
        raise ConnectionError("it has ended")

    with pytest.raises(ConnectionError, match="it has ended"):
        await io.wait(NEVER, fails())
    event = asyncio.Event()
    event.set()
    async with limit():
        await io.wait(NEVER, event.wait())
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("name", PAYLOADS)
async def test_what_a_source_says_of_itself_and_calls_a_thing_is_made_of_text_that_can_be_shown(name: str) -> None:
    text = PAYLOADS[name]

    async def hostile(io: IO) -> AsyncGenerator[Observation, None]:
        thing = Zone(id=Id(text, "zone", text), name=text, title=text)
        yield Observation(Health(State.WRONG, text, Remedy(text)), (thing,), gone=(Id("h", "zone", text),))

    source = Scripted(f"x{text}", hostile)
    source.host, source.address = text, text  # type: ignore[attr-defined]
    async with runtime(source) as started:
        (one,) = await said(started, 1)
    (zone,) = one.upserts
    assert isinstance(zone, Zone)
    assert one.health.remedy is not None
    texts = (one.source.host, one.source.local, one.address, one.health.sentence, one.health.remedy.text)
    assert all(each.isprintable() for each in (*texts, zone.name, str(zone.title), str(one.gone[0]), zone.id.local))
