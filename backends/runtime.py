"""Runs sources: restarts them with back-off, turns what they raise into health, and lends them threads and
child processes that cannot hurt anybody else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from msgspec import structs

from backends.contract import IO, Health, Observation, Parked, Source, State, clean
from backends.threads import Call, Worker

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0  # seconds between attempts to reach a failing source
LONGEST_LINE = 1 << 20  # bytes that a child may say at once
LONGEST_COMPLAINT = 1 << 12  # bytes
OTHERS = 1.0  # seconds for which late sources wait for the others' first word
ENDING = 1.0  # seconds from a child's last word to its end


def health_of(error: BaseException) -> Health:
    """What an exception that left a source says about its system. The table is the program's whole knowledge
    of failures; a source that knows better yields its own Health instead of raising."""
    said = clean(str(error) or type(error).__name__)
    match error:
        case Parked():
            return Health(State.HUNG, said, "the system behind it hangs; it is left alone until it answers")
        case TimeoutError():
            return Health(State.HUNG, said if str(error) else "no answer in time", "restart it if it stays so")
        case ConnectionRefusedError() | FileNotFoundError():
            return Health(State.REFUSED, said, "start it, or check the address")
        case PermissionError():
            return Health(State.DENIED, said, "run `foh doctor`")
        case ImportError():
            return Health(State.ABSENT, said, "run `foh doctor`")
        case OSError() | EOFError():
            return Health(State.REFUSED, said, "start it, or check the address")
        case ValueError():  # what it says is not what such a system says
            return Health(State.WRONG, said, "check what listens there")
        case _:
            return Health(State.WRONG, f"{type(error).__name__}: {said}", "check what listens there")


class SourceIO:
    """The runtime's side of `contract.IO`, one for each source."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._worker: Worker | None = None
        self._overdue: Call | None = None
        self._parts: dict[str, SourceIO] = {}

    def clock(self) -> float:
        return time.time()

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

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[SourceIO]:
        one = self._parts.setdefault(name, SourceIO(f"{self.name} {name}"))
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
    async def child(self, argv: Sequence[str]) -> AsyncIterator[JsonLines]:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, start_new_session=True, limit=LONGEST_LINE,
        )  # fmt: skip
        try:
            yield JsonLines(process)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its own children too: they would hold the pipes open
            await process.wait()


class JsonLines:
    """A child process that speaks one JSON object a line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.pid, self._process = process.pid, process
        self._stdin, self._stdout = process.stdin, process.stdout
        self._complaint = asyncio.create_task(_last_line(process.stderr), name=f"complaints of {process.pid}")

    async def send(self, message: Mapping[str, object]) -> None:
        self._stdin.write(json.dumps(message).encode() + b"\n")
        await self._stdin.drain()

    async def receive(self) -> dict[str, Any]:
        line = await self._stdout.readline()
        if not line:
            raise ConnectionError(await self._ended())
        message = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError("the child process sent something else than an object")
        return message

    async def _ended(self) -> str:
        """How it has ended, with the last that it complained of."""
        try:
            async with asyncio.timeout(ENDING):
                code, complaint = await self._process.wait(), await asyncio.shield(self._complaint)
        except TimeoutError:
            return "the child process says nothing more"
        how = f"by signal {-code}" if code < 0 else f"with exit status {code}"
        return f"the child process has ended {how}" + (f": {complaint}" if complaint else "")


async def _last_line(stream: asyncio.StreamReader) -> str:
    last = b""
    while said := await stream.read(LONGEST_COMPLAINT):
        last = (last + said)[-LONGEST_COMPLAINT:]
    return clean(last.decode(errors="replace").rstrip().rpartition("\n")[2])


class Runtime:
    """Runs sources side by side and hands out what they observe, in one stream."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Observation] = asyncio.Queue()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.sources: dict[str, Source] = {}
        self._ios: dict[str, SourceIO] = {}
        self._silent: set[str] = set()  # those that others wait for
        self._spoken = asyncio.Event()

    def start(self, sources: Iterable[Source], late: bool = False) -> None:
        """`late`: once the others have spoken, those that are started now among them."""
        for source in sources:
            if source.name not in self.sources:
                self.sources[source.name] = source
                self._ios[source.name] = SourceIO(source.name)
                self._tasks[source.name] = asyncio.create_task(self._run(source, late), name=source.name)
                if not late:
                    self._silent.add(source.name)

    def io(self, source: str) -> IO:
        return self._ios[source]

    def report(self, name: str, health: Health) -> None:
        """Says how something is that is no source itself: a backend that will not load, a search that failed."""
        self._queue.put_nowait(Observation(health, source=name, at=time.time()))

    async def observations(self) -> AsyncIterator[Observation]:
        while True:
            yield await self._queue.get()

    async def stop(self) -> None:
        """Ends every source within a second; threads that hang are left to die with the process."""
        for task in self._tasks.values():
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=0.8)
        self._tasks.clear()
        for io in self._ios.values():
            io.close()

    async def _run(self, source: Source, late: bool) -> None:
        io, seq, pause = self._ios[source.name], 0, FIRST_PAUSE
        if late and self._silent:
            with contextlib.suppress(TimeoutError):  # one of them hangs: it is not waited for
                await asyncio.wait_for(self._spoken.wait(), OTHERS)
        while True:
            last = State.OK
            try:
                async with contextlib.aclosing(source.watch(io)) as observations:
                    async for observation in observations:
                        seq += 1
                        last = observation.health.state
                        if last is State.OK:
                            pause = FIRST_PAUSE
                        self._post(source, observation, seq, io.clock())
                if last is State.OK:
                    raise ConnectionError("it stopped reporting")
            except Exception as error:  # noqa: BLE001  (one source's failure is its health, nobody else's)
                seq += 1
                self._post(source, Observation(health=health_of(error)), seq, io.clock())
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # what it raised while closing took the cancellation's place
                return
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    def _post(self, source: Source, observation: Observation, seq: int, at: float) -> None:
        self._queue.put_nowait(structs.replace(observation, source=source.name, seq=seq, at=at))
        self._silent.discard(source.name)
        if not self._silent:
            self._spoken.set()
