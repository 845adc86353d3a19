"""Runs sources: restarts them with back-off, turns what they raise into health, and lends them threads and
child processes that cannot hurt anybody else."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import math
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

from msgspec import structs

from backends import children
from backends.children import Talk, pauses
from backends.clock import MACHINE, Clock
from backends.contract import (
    IO,
    Health,
    Id,
    Observation,
    Output,
    Parked,
    Source,
    State,
    Usage,
    clean,
    source_id,
)
from backends.failures import health_of
from backends.mailbox import Mailbox
from backends.threads import Call, Worker
from backends.wall import shown, sound

T = TypeVar("T")

PACE = 0.02  # seconds that a source waits while its last observation still waits for the venue
STOPPING = 0.8  # seconds for sources to end
OTHERS = 1.0  # seconds for which heavy imports wait for the other sources' first word
IMPORT = 30.0  # seconds for an import, however slow this machine is: nobody outside is waited for
AGAIN, EFFECT = 0.5, 10.0  # seconds: how soon a source looks again, for how long after a run has touched it
SAMPLE = 5.0  # seconds between two looks at what children use


class SourceIO:
    """The runtime's side of `contract.IO`, one for each source."""

    def __init__(
        self, name: str, clock: Clock = MACHINE, others: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        """`others` returns when the other sources have spoken."""
        self.name, self._clock, self._others = name, clock, others
        self._worker: Worker | None = None
        self._overdue: Call | None = None
        self._parts: dict[str, SourceIO] = {}
        self._touch = asyncio.Event()
        self._touched = -math.inf  # when a run has done something to this source
        self._running = set[int]()  # the child processes that run now
        self._sampled, self._sampled_at, self._usage = frozenset[int](), -math.inf, Usage()

    def touch(self) -> None:
        """Something was done to what this source watches: it looks again."""
        self._touched = self._clock.now()
        self._touch.set()

    async def wait(self, seconds: float, news: Awaitable[object] | None = None) -> None:
        if self._clock.now() - self._touched < EFFECT:
            seconds = min(seconds, AGAIN)
        waits = [asyncio.ensure_future(each) for each in (self._touch.wait(), news) if each is not None]
        try:
            done, _ = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        self._touch.clear()
        for each in done:
            each.result()

    def clock(self) -> float:
        return self._clock.now()

    def deadline(self, seconds: float) -> asyncio.Timeout:
        return asyncio.timeout(seconds)

    async def thread(self, call: Callable[..., T], *args: object, within: float = 5.0) -> T:
        if self._overdue and not self._overdue.ended:
            raise Parked(f"{self.name} has not come back from an earlier call")
        if self._worker is None:
            self._worker = Worker(f"foh {self.name}")
        ours = self._worker.take(partial(call, *args))
        try:
            async with asyncio.timeout(within):
                return await asyncio.shield(ours.future)
        except TimeoutError:
            if ours.ended:
                raise  # the call's own TimeoutError
            self._overdue = self._worker.current
            raise TimeoutError(f"{self.name} did not answer within {within:g} s") from None
        finally:
            ours.withdraw()

    async def load(self, *modules: str, late: bool = False) -> None:
        if late and self._others:
            await self._others()
        for module in modules:
            await self.thread(importlib.import_module, module, within=IMPORT)

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[SourceIO]:
        one = self._parts.setdefault(name, SourceIO(f"{self.name} {name}", self._clock))
        try:
            yield one
        finally:
            one.close()

    def close(self) -> None:
        """Ends the thread, as soon as it comes back."""
        if self._worker:
            self._worker.calls.put(None)
            self._worker = None

    @contextlib.asynccontextmanager
    async def child(
        self, argv: Sequence[str], system: str = "", silence: float | None = None, looks: bool = False
    ) -> AsyncIterator[Talk]:
        async with children.started(argv, self._running) as process:
            yield Talk(process, system, silence, self.wait if looks else None)

    async def run(self, argv: Sequence[str], within: float, env: Mapping[str, str] | None = None) -> Output:
        return await children.run(argv, within, env, self._running)

    def usage(self) -> Usage:
        """What the children use that run now. Sampled when others run than before, and every few seconds."""
        pids = frozenset(self._running.union(*(part._running for part in self._parts.values())))
        now = self._clock.now()
        if pids != self._sampled or now - self._sampled_at >= SAMPLE:
            self._sampled, self._sampled_at, self._usage = pids, now, children.usage(pids)
        return self._usage


class Runtime:
    """Runs sources side by side and hands out what they observe."""

    def __init__(self, clock: Clock = MACHINE) -> None:
        self._clock = clock
        self._mailbox = Mailbox()
        self._taken: deque[Observation] = deque()
        self._tasks: dict[Id, asyncio.Task[None]] = {}
        self.sources: dict[Id, Source] = {}
        self._backend_of: dict[Id, str] = {}
        self._ios: dict[Id, SourceIO] = {}
        self._silent: set[Id] = set()  # those that others wait for
        self._spoken = asyncio.Event()

    def start(self, sources: Iterable[Source], backend: str = "") -> None:
        for source in sources:
            id = source_id(source)
            if id not in self.sources:
                self.sources[id], self._backend_of[id] = source, backend
                self._ios[id] = SourceIO(source.name, self._clock, partial(self._others, id))
                self._tasks[id] = asyncio.create_task(self._run(id), name=source.name)
                self._silent.add(id)

    def of(self, backend: str) -> list[Id]:
        """The sources of one backend."""
        return [id for id, name in self._backend_of.items() if name == backend]

    def io(self, source: Id) -> IO:
        return self._ios[source]

    def touch(self, source: Id) -> None:
        """A run has done something to this source."""
        self._ios[source].touch()

    def report(self, host: str, name: str, health: Health) -> None:
        """Says how something is that is no source itself: a backend that will not load, a search that failed."""
        self._mailbox.post(Observation(health, source=Id(host, "source", name), at=self._clock.now()))

    async def batches(self) -> AsyncIterator[list[Observation]]:
        """What there is, whenever there is anything: the newest of every source."""
        while True:
            yield await self._mailbox.take()

    async def observations(self) -> AsyncIterator[Observation]:
        """The same one by one."""
        while True:
            while self._taken:
                yield self._taken.popleft()
            self._taken.extend(await self._mailbox.take())

    async def leave(self, id: Id) -> None:
        """Ends a source that is not there any more, and says so."""
        source, task, io = self.sources.pop(id), self._tasks.pop(id), self._ios.pop(id)
        self._backend_of.pop(id)
        self._heard(id)
        task.cancel()
        await asyncio.wait({task}, timeout=STOPPING)
        io.close()
        self._mailbox.post(Observation(source=source_id(source), left=True, at=self._clock.now()))

    async def stop(self) -> None:
        """Ends every source within a second; threads that hang are left to die with the process."""
        for task in self._tasks.values():
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=STOPPING)
        self._tasks.clear()
        for io in self._ios.values():
            io.close()

    async def _others(self, id: Id) -> None:
        """Returns when every other source that has been started has spoken, or has had its time."""
        self._heard(id)
        with contextlib.suppress(TimeoutError):  # one of them hangs: it is not waited for
            async with asyncio.timeout(OTHERS):
                await self._spoken.wait()

    def _heard(self, id: Id) -> None:
        self._silent.discard(id)
        if not self._silent:
            self._spoken.set()

    async def _run(self, id: Id) -> None:
        source, io, seq, attempts = self.sources[id], self._ios[id], 0, pauses()
        while True:
            last = State.OK
            try:
                async with contextlib.aclosing(source.watch(io)) as observations:
                    async for observation in observations:
                        seq += 1
                        last = observation.health.state
                        if last is State.OK:
                            attempts = pauses()
                        behind = self._mailbox.holds(id)
                        self._post(source, observation, seq)
                        await (self._clock.sleep(PACE) if behind else asyncio.sleep(0))
                if last is State.OK:
                    raise ConnectionError("it stopped reporting")
            except Exception as error:  # noqa: BLE001  (one source's failure is its health, nobody else's)
                seq += 1
                self._post(source, Observation(health=health_of(error)), seq)
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # what it raised while closing took the cancellation's place
                return
            await self._clock.sleep(next(attempts))

    def _post(self, source: Source, observation: Observation, seq: int) -> None:
        id, address = source_id(source), clean(getattr(source, "address", ""))
        backend = self._backend_of.get(id, "")
        told = structs.replace(
            observation, health=shown(observation.health), upserts=tuple(map(sound, observation.upserts)), source=id,
            backend=backend, address=address, seq=seq, at=self._clock.now(),
            usage=self._ios[id].usage() if id in self._ios else Usage(),
        )  # fmt: skip
        self._mailbox.post(told)
        self._heard(id)
