"""A program on a real pty, with a screen to read what a person would see there."""

from __future__ import annotations

import codecs
import contextlib
import ctypes
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import psutil
import pyte

from tests import patience
from tests.patience import BOUND

FOH = (sys.executable, "-m", "console")
BARE = (sys.executable, "-m", "tests.bare")
ROOT = Path(__file__).parents[1]
PR_SET_CHILD_SUBREAPER = 36  # prctl(2): orphans of ours come to us
TAG = "FOH_TEST_TERMINAL"
SCREEN = "the screen:"
LOOKS = 4  # in a row at a program that has nothing to do, until it is taken to have settled
T = TypeVar("T")
# One control sequence: CSI, OSC, DCS and their like, two-letter escapes. What begins one and does not end is not.
SEQUENCE = re.compile(
    rb"\x1b(?:\[[<-?]*[0-9;:]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)"
    rb"|[PX^_][^\x1b]*\x1b\\|[ -/]+[0-~]|[0-OQ-WYZ\\`-~])"
)
BEGINS, ENDS = b"\x1b[?2026h", b"\x1b[?2026l"  # a synchronised picture
MODE = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
MODES = {
    1049: "alternate screen", 1000: "mouse", 1002: "mouse drag", 1003: "mouse motion", 1006: "mouse SGR",
    1015: "mouse urxvt", 1016: "mouse pixels", 1004: "focus", 2004: "paste", 2026: "synchronised output",
    2048: "size reports",
}  # fmt: skip
KEYS = {  # Escape as kitty's protocol has it: a bare ESC could begin something else, and is waited for
    "enter": "\r", "escape": "\x1b[27u", "tab": "\t", "backspace": "\x7f", "up": "\x1b[A", "down": "\x1b[B",
    "right": "\x1b[C", "left": "\x1b[D", "ctrl+c": "\x03", "ctrl+p": "\x10", "pagedown": "\x1b[6~",
}  # fmt: skip


class Terminal:
    """Runs `argv` as a terminal of that size; a context that leaves no process behind."""

    def __init__(
        self, argv: Sequence[str], columns: int = 160, rows: int = 48, env: Mapping[str, str] = {},
        ignore: signal.Signals | None = None, emulate: bool = True,
    ) -> None:  # fmt: skip
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
        self.raw = bytearray()
        self._emulate = emulate  # without it there is no screen, and nothing slows the reading down
        self._tag, self._seen = uuid.uuid4().hex, set[int]()
        self._pending = b""
        self._lines: list[str] | None = None  # of the screen as it is shown now, once somebody has looked
        self._half = False  # a synchronised picture has begun and not ended
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self._screen)
        self._news = threading.Condition()
        self._going = threading.Event()
        self._going.set()
        self._over = threading.Event()  # nobody has the other side open any more, and all that was written is read
        self.master, slave = os.openpty()
        self.resize(columns, rows)
        self._cooked = termios.tcgetattr(self.master)

        def enter() -> None:
            if ignore:
                signal.signal(ignore, signal.SIG_IGN)
            os.login_tty(slave)

        own = {"TERM": "xterm-256color", **env, TAG: self._tag}
        size = ("COLUMNS", "LINES")  # of the terminal of the tests, which a program would believe more than its own
        outer = {name: value for name, value in os.environ.items() if name not in size}
        self.process = subprocess.Popen(list(argv), cwd=ROOT, preexec_fn=enter, env=outer | own)
        os.close(slave)
        self._stop, self._stopped = os.pipe()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for pid in self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.until(lambda: not self.alive())
        self.close()
        if error is not None and SCREEN not in str(error):
            error.add_note(f"{SCREEN}\n{self.text}")

    # --- what a person does ----------------------------------------------------------------------------------

    def press(self, *keys: str) -> None:
        """Keys by name, everything else letter by letter as typed."""
        for key in keys:
            os.write(self.master, KEYS.get(key, key).encode())

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        with self._news:
            self._screen.resize(rows, columns)
            self._lines = None

    @contextlib.contextmanager
    def stalled(self) -> Iterator[None]:
        """Nothing of what the program writes is taken meanwhile, as on a line that has gone quiet."""
        self._going.clear()
        try:
            yield
        finally:
            self._going.set()

    def close(self) -> None:
        """The terminal is gone, as when its window is closed. The kernel sends SIGHUP."""
        if self.master >= 0:
            os.write(self._stopped, b".")
            self._going.set()
            self._reader.join()
            for fd in (self.master, self._stop, self._stopped):
                os.close(fd)
            self.master = -1

    # --- what a person sees ----------------------------------------------------------------------------------

    def screen(self) -> list[str]:
        with self._news:
            if self._lines is None:
                self._lines = self._displayed()
            return self._lines

    @property
    def text(self) -> str:
        """The screen without its empty lines."""
        return "\n".join(filter(None, self.screen()))

    def until(self, holds: Callable[[], T]) -> T:
        """Waits for it, looking at each change. Fails with the screen."""

        def news(seconds: float) -> None:
            with self._news:
                self._news.wait(seconds)

        return patience.until(holds, news=news, seen=lambda: f"{SCREEN}\n{self.text}")

    def wait_for(self, text: str) -> None:
        """Waits until the text is on the screen."""
        self.until(lambda: text in self.text)

    def wait_gone(self, text: str) -> None:
        self.until(lambda: text not in self.text)

    def settled(self, looks: int = LOOKS) -> None:
        """Waits until the program has nothing to do: so many looks in a row it has written nothing, and all its
        threads were asleep. One that waits for a processor, on a busy machine, is not."""
        written, asleep = -1, 0

        def still() -> bool:
            nonlocal written, asleep
            asleep = asleep + 1 if len(self.raw) == written and not self._busy() else 0
            written = len(self.raw)
            return asleep >= looks

        self.until(still)

    def _busy(self) -> bool:
        """Whether a thread of the program runs or wants to."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/stat")
        with contextlib.suppress(OSError):  # one has just ended
            return any(task.read_text().rpartition(")")[2].split()[0] != "S" for task in tasks)
        return True

    # --- how it ends -----------------------------------------------------------------------------------------

    def ended(self) -> int:
        """Waits for the program's end, and for all that it has written; its exit status, negative for a signal."""
        try:
            code = self.process.wait(BOUND)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it has not ended; {SCREEN}\n{self.text}") from None
        if self.master >= 0 and self._going.is_set():
            self.until(self._over.is_set)
        return code

    def alive(self) -> list[int]:
        """The program and every descendant of it that lives, wherever it went. Zombies of ours are reaped."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and self._is_ours(entry):
                found.append(int(entry.name))
        for pid in self._seen - {self.process.pid, *found}:
            with contextlib.suppress(ChildProcessError):  # not an orphan: its own parent has reaped it
                if os.waitpid(pid, os.WNOHANG) == (0, 0):  # on its way out, its environment gone before it
                    found.append(pid)
        self._seen |= set(found)
        return found

    def _is_ours(self, entry: Path) -> bool:
        try:
            return f"{TAG}={self._tag}".encode() in (entry / "environ").read_bytes()
        except OSError:  # it has just ended, or is a zombie
            return False

    def listening(self) -> list[int]:
        """The TCP ports on which the program and its descendants listen."""
        pids = set(self.alive())
        every = psutil.net_connections("tcp")
        return [c.laddr.port for c in every if c.status == psutil.CONN_LISTEN and c.pid in pids]

    @property
    def left_on(self) -> list[str]:
        """What the program has switched on and not off again."""
        state: dict[int, bool] = {}
        for modes, what in MODE.findall(bytes(self.raw)):
            state |= {int(mode): what == b"h" for mode in modes.split(b";")}
        left = [name for mode, name in MODES.items() if state.get(mode)]
        if state.get(25) is False:
            left.append("hidden cursor")
        if self.raw.count(b"\x1b[>1u") > self.raw.count(b"\x1b[<u"):
            left.append("kitty keys")
        if self.master >= 0 and termios.tcgetattr(self.master)[:4] != self._cooked[:4]:
            left.append("raw input")
        return left

    # --- inside ----------------------------------------------------------------------------------------------

    def _read(self) -> None:
        while self._stop not in (ready := select.select([self.master, self._stop], [], [])[0]):
            if not self._going.is_set():
                self._going.wait()
                continue
            try:
                data = os.read(ready[0], 65536)
            except OSError:  # everybody on the other side is gone
                with self._news:
                    self._lines, self._half = None, False
                self._over.set()
                select.select([self._stop], [], [])
                return
            with self._news:
                self.raw += data
                self._show(data)
                self._news.notify_all()

    def _show(self, data: bytes) -> None:
        data = self._pending + data
        cut = data.rfind(b"\x1b")
        unfinished = cut >= 0 and not SEQUENCE.match(data, cut) and len(data) - cut < 4096
        self._pending, data = (data[cut:], data[:cut]) if unfinished else (b"", data)
        for sequence in SEQUENCE.findall(data):
            if answer := self._answer(sequence):
                os.write(self.master, answer)
        if not self._emulate:
            return
        whole, begins, part = data.rpartition(BEGINS)
        if begins and ENDS not in part:  # of the next picture there is only a part: a terminal does not show it
            self._feed(whole)
            self._lines = self._displayed()
            self._half = True
            self._feed(begins + part)
        else:
            self._half = self._half and ENDS not in data
            self._feed(data)

    def _feed(self, data: bytes) -> None:
        known = SEQUENCE.sub(lambda m: b"" if m[0][1:2] in b"P_^X" or m[0][2:3] in b"<=>" else m[0], data)
        self._stream.feed(self._decoder.decode(known))
        if not self._half:
            self._lines = None

    def _displayed(self) -> list[str]:
        return [line.rstrip() for line in self._screen.display]

    def _answer(self, query: bytes) -> bytes:
        """As an xterm that knows synchronised output and nothing newer."""
        if query in (b"\x1b[c", b"\x1b[0c"):
            return b"\x1b[?62;22c"
        if query == b"\x1b[6n":
            return f"\x1b[{self._screen.cursor.y + 1};{self._screen.cursor.x + 1}R".encode()
        if asked := re.fullmatch(rb"\x1b\[\?(\d+)\$p", query):
            return b"\x1b[?%s;%d$y" % (asked[1], 2 if asked[1] == b"2026" else 0)
        return b""
