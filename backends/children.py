"""Child processes: programs that are run once for what they print, and children that talk for as long as they live.

A child that talks sends and receives messages, each a JSON object on one line. Three of them mean the same for all:

    {"at": "hw:bar"}          what the child turns to next. If it then falls silent, that is what hangs
    {"frame": 6912, ...}      so many raw bytes follow the line, such as a picture
    {"look": true}            to the child: read the system afresh and send what it says, changed or not

A child has its own session, so that it is killed together with its own children, and it dies with this process
(child_process.py). It is not restarted here: that is the runtime's business, which restarts its source with back-off.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from asyncio.subprocess import SubprocessStreamProtocol
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from backends.child_process import TO_START, tied
from backends.contract import Output, Usage, clean
from backends.interpreter import FOLDER, is_ours

LONGEST_LINE = 1 << 20  # bytes
LARGEST_FRAME = 1 << 23  # bytes; a picture of 1920x1080 points in 24 bits has 6.2 million
LONGEST_OUTPUT = 1 << 20  # bytes that a program may print which is run once
LONGEST_COMPLAINT = 1 << 12  # bytes kept of standard error
MOST_PLACES = 10_000  # `at` messages between two others: more are a flood
TURN = 50  # messages after which other tasks get a turn: buffered ones are read without waiting
SENDING = 3.0  # seconds for a child to take a message
ENDING = 1.0  # seconds from the end of a process to the end of its output, which its own children may hold open
MOMENT = 0.25  # seconds in which what a child said while nobody listened is read before it is blamed
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0  # seconds between two attempts
LOOK = {"look": True}
TICKS, PAGE, MEGABYTE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE"), 1 << 20

Wait: TypeAlias = Callable[[float, Awaitable[object]], Awaitable[None]]  # contract.IO.wait


def pauses() -> Iterator[float]:
    """Seconds to wait before each new attempt at what keeps failing."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(LONGEST_PAUSE, pause * 2)


class Process(SubprocessStreamProtocol):
    """A running program and its three pipes."""

    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader
    transport: asyncio.SubprocessTransport

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        super().__init__(LONGEST_LINE, self.loop)
        self._exited = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert isinstance(transport, asyncio.SubprocessTransport)
        self.transport = transport

    def process_exited(self) -> None:
        super().process_exited()
        self._exited.set()
        self.loop.call_later(ENDING, self._close)

    @property
    def pid(self) -> int:
        return self.transport.get_pid()

    async def status(self) -> int:
        """Its exit status once it has ended; -9: killed by signal 9."""
        await self._exited.wait()
        return self.transport.get_returncode() or 0

    async def end(self) -> None:
        """Kills its process group. A process in an uninterruptible call of the kernel is left behind."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # gone, or root's: sudo
            os.killpg(self.pid, signal.SIGKILL)
        self._close()
        with contextlib.suppress(TimeoutError):  # in an uninterruptible call: see above
            async with asyncio.timeout(ENDING):
                await self._exited.wait()

    def _close(self) -> None:
        for number in (0, 1, 2):
            if pipe := self.transport.get_pipe_transport(number):
                pipe.close()


@contextlib.asynccontextmanager
async def started(
    argv: Sequence[str], running: set[int], env: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """A process for the length of the body, listed in `running` meanwhile. Raises OSError."""
    if shutil.which(argv[0], path=(os.environ if env is None else env).get("PATH")) is None:
        raise FileNotFoundError(f"there is no program {clean(argv[0])}")
    loop = asyncio.get_running_loop()
    folder = FOLDER if is_ours(argv) else None
    _, process = await loop.subprocess_exec(Process, *tied(argv), env=env, start_new_session=True, cwd=folder)
    running.add(process.pid)
    try:
        yield process
    finally:
        await process.end()
        running.discard(process.pid)


# --- run once ---------------------------------------------------------------------------------------------


async def run(
    argv: Sequence[str], within: float, env: Mapping[str, str] | None = None, running: set[int] | None = None
) -> Output:
    """See contract.IO.run."""
    try:
        async with asyncio.timeout(within), started(argv, set() if running is None else running, env) as process:
            process.stdin.close()
            output, complaint = await asyncio.gather(_output(process.stdout), _complaint(process.stderr))
            return Output(await process.status(), output.decode(errors="replace"), complaint.decode(errors="replace"))
    except TimeoutError:
        raise TimeoutError(f"{clean(argv[0])} has not answered within {within:g} s") from None


async def _output(stream: asyncio.StreamReader) -> bytes:
    data = bytearray()
    while piece := await stream.read(LONGEST_OUTPUT):
        data += piece
        if len(data) > LONGEST_OUTPUT:
            raise ValueError(f"the program prints more than {LONGEST_OUTPUT} bytes")
    return bytes(data)


async def _complaint(stream: asyncio.StreamReader) -> bytes:
    """The end of what was said on standard error."""
    last = b""
    while piece := await stream.read(LONGEST_COMPLAINT):
        last = (last + piece)[-LONGEST_COMPLAINT:]
    return last


# --- talking ----------------------------------------------------------------------------------------------


class Talk:
    """The conversation with one child. `system` names what it reads, for the operator. After `silence` seconds without
    a message the child counts as hung; None: it may be silent. With `wait` (contract.IO.wait), the child is asked to
    look again each time that this returns early."""

    def __init__(self, process: Process, system: str, silence: float | None, wait: Wait | None = None) -> None:
        self.pid, self._process = process.pid, process
        self._system, self._silence, self._wait = system, silence, wait
        self._place: str | None = None  # what the child turned to last; None before its first message
        self._spoke = process.loop.time()
        self._header: dict[str, Any] | None = None  # a message of which the frame is still to come
        self._count = 0
        self._complaint = asyncio.create_task(_complaint(process.stderr), name=f"complaints of {self.pid}")

    async def send(self, message: Mapping[str, object]) -> None:
        try:
            async with asyncio.timeout(SENDING):
                self._process.stdin.write(msgspec.json.encode(message) + b"\n")
                await self._process.stdin.drain()
        except TimeoutError:
            raise TimeoutError(f"{self._hangs()}: its child process takes no message") from None
        except ConnectionError:
            raise ConnectionError(await self._end()) from None

    async def receive(self) -> dict[str, Any]:
        for _ in range(MOST_PLACES):
            self._count += 1
            if self._count % TURN == 0:
                await asyncio.sleep(0)
            message = await self._next()
            if message.keys() != {"at"}:
                self._place = self._place or ""
                return message
            self._place = clean(message["at"])
        raise ValueError("the child process floods")

    async def _next(self) -> dict[str, Any]:
        if self._wait is None:
            try:
                async with asyncio.timeout_at(self._due()):
                    return await self._message()
            except TimeoutError:
                raise TimeoutError(self._blame()) from None
        while True:
            due, reading = self._due(), asyncio.ensure_future(self._message())
            await self._wait((due or float("inf")) - self._process.loop.time(), reading)
            if not reading.cancelled():
                return reading.result()
            if due and self._process.loop.time() >= due:
                raise TimeoutError(self._blame())
            await self.send(LOOK)

    def _due(self) -> float | None:
        """Until when the child must have said something."""
        if self._silence is None:
            return None
        within = TO_START if self._place is None else self._silence
        return max(self._spoke + within, self._process.loop.time() + min(within, MOMENT))

    async def _message(self) -> dict[str, Any]:
        """The next message. May be cancelled: what has been read by then is kept."""
        header = self._header = self._header or await self._line()
        if "frame" in header:
            header = header | {"frame": await self._frame(header["frame"])}
        self._header, self._spoke = None, self._process.loop.time()
        return header

    async def _line(self) -> dict[str, Any]:
        try:
            line = await self._process.stdout.readline()
        except ValueError:
            raise ValueError(f"the child process sent more than {LONGEST_LINE} bytes in a line") from None
        if not line.endswith(b"\n"):
            raise ConnectionError(await self._end())
        try:
            message = msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise ValueError("the child process sent something else than a JSON object") from None
        return message

    async def _frame(self, size: object) -> bytes:
        if not isinstance(size, int) or not 0 <= size <= LARGEST_FRAME:
            raise ValueError(f"the child process announces a frame of {clean(size, 40)} bytes")
        try:
            return await self._process.stdout.readexactly(size)
        except asyncio.IncompleteReadError:
            raise ConnectionError(await self._end()) from None

    def _hangs(self) -> str:
        return f"{self._system or 'a program'} hangs" + (f" at {self._place}" if self._place else "")

    def _blame(self) -> str:
        if self._place is None:
            return (
                f"{self._hangs()}, or this machine is too busy: "
                f"its child process has not said a word within {TO_START:g} s"
            )
        return f"{self._hangs()}: its child process has said nothing for {self._silence:g} s"

    async def _end(self) -> str:
        """How the child has ended, with the last line of its complaints."""
        try:
            async with asyncio.timeout(2 * ENDING):
                code, complaint = await self._process.status(), await asyncio.shield(self._complaint)
        except TimeoutError:
            return "the child process says nothing more"
        how = f"by signal {-code}" if code < 0 else f"with exit status {code}"
        last = clean(complaint.decode(errors="replace").rstrip().rpartition("\n")[2])
        return f"the child process has ended {how}" + (f": {last}" if last else "")


# --- what they cost ---------------------------------------------------------------------------------------


def usage(pids: Iterable[int], proc: Path = Path("/proc")) -> Usage:
    """What these processes and their own children use, by /proc/PID/stat, which is answered for a hung one as well."""
    count, ticks, pages, left = 0, 0, 0, list(pids)
    while left:
        pid = left.pop()
        with contextlib.suppress(OSError, ValueError, IndexError):  # it has just ended
            fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
            utime, stime, rss = int(fields[11]), int(fields[12]), int(fields[21])  # proc(5)
            count, ticks, pages = count + 1, ticks + utime + stime, pages + rss
            left += map(int, (proc / str(pid) / "task" / str(pid) / "children").read_text().split())
    return Usage(count, round(ticks / TICKS, 1), round(pages * PAGE / MEGABYTE))
