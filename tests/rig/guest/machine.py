"""Boots the guest as an ordinary process, runs one command in it, and leaves nothing running."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from threading import Lock
from typing import NoReturn

import psutil

RUN = Path(__file__).with_name("run")
MEMORY = 1536  # MiB
TO_BOOT, TO_RUN = 90.0, 1800.0  # seconds
STANDS_STILL = 60.0  # seconds without a sign of life, of which there is one every 5
LOOK = 0.1  # seconds between two looks at what the guest has written


class GuestError(Exception):
    """The guest did not do what a guest does; says what its console showed last."""


@dataclass(frozen=True)
class Guest:
    """The program that is the machine, the fstab(5) by which the guest finds the host's folders, and the descriptors
    that the program takes along."""

    argv: list[str]
    fstab: str
    fds: tuple[int, ...] = ()


class Machine:
    """One guest. `folder` is what host and guest share: the command and its output go through files in it, because
    User Mode Linux's serial lines hang after long lines."""

    def __init__(self, guest: Guest, folder: Path) -> None:
        self.folder, self._console = folder, folder / "console"
        self._process: subprocess.Popen[bytes] | None = None
        self._guest, self._begun = guest, 0.0
        self._stopped, self._lock = False, Lock()
        self._pool = ThreadPoolExecutor(1)  # its thread lives until `stop`: a guest that it started would die with it

    def run(
        self, command: str, environment: Mapping[str, str], tell: Callable[[str], None], within: float = TO_RUN
    ) -> tuple[int, float]:
        """The command's exit status, and the seconds that booting took. Raises GuestError, as when the command takes
        longer than `within` seconds, or the guest stands still."""
        try:
            self.start(command, environment)
            return self.finish(tell, within)
        finally:
            self.stop()

    def start(self, command: str, environment: Mapping[str, str]) -> None:
        """Begins to boot; the command is run then. It may wait for its turn: for the file `go` in the folder."""
        (self.folder / "run").write_text(RUN.read_text())
        (self.folder / "fstab").write_text(self._guest.fstab)
        (self.folder / "environment").write_text("".join(f"export {k}={quote(v)}\n" for k, v in environment.items()))
        (self.folder / "command").write_text(command + "\n")
        self._boot()
        self._boots = self._pool.submit(self._booted)

    def finish(self, tell: Callable[[str], None], within: float = TO_RUN) -> tuple[int, float]:
        """Its turn has come. Returns and raises as `run` does."""
        booted, said = self._boots.result()
        tell(said)
        (self.folder / "go").touch()
        self._wait_for(self.folder / "status", within, tell)
        return int((self.folder / "status").read_text()), booted

    def _booted(self) -> tuple[float, str]:
        """The seconds that it took, and what is to be said. One boot in a hundred stands still: it is tried once more,
        while another guest may still have its turn."""
        booted, said = self.folder / "booted", ""
        try:
            self._wait_for(booted, TO_BOOT, lambda text: None)
        except GuestError as error:
            with self._lock:
                if self._stopped:
                    raise
                self._end()
                self._boot()
            said = f"rig: {error}\nrig: once more\n"
            self._wait_for(booted, TO_BOOT, lambda text: None)
        return booted.stat().st_mtime - self._begun, said

    def _boot(self) -> None:
        self._begun = time.time()
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(
                [*contained(), *self._guest.argv], stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT,
                start_new_session=True, env={**os.environ, "TMPDIR": memory_folder()}, pass_fds=self._guest.fds,
            )  # fmt: skip

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            self._end()
        self._pool.shutdown()

    def _end(self) -> None:
        """Its process namespace ends with its first process. `unshare`, left to wait for that one, sees it end only
        after everything else in the namespace (pid_namespaces(7), zap_pid_ns_processes)."""
        if self._process is None or self._process.poll() is not None:
            return
        for first in psutil.Process(self._process.pid).children() or [self._process]:
            first.kill()
        self._process.wait()

    def _wait_for(self, file: Path, seconds: float, tell: Callable[[str], None]) -> None:
        """Waits until the guest has written the file, passing its output on."""
        assert self._process is not None
        begun, told = time.monotonic(), 0
        sign, seen = 0.0, begun
        while True:
            ended = self._process.poll() is not None  # looked at first: what it wrote last is then in its files
            there = file.exists() and file.stat().st_size > 0
            told += self._tell_from(told, tell)
            if there:
                return
            if ended:
                self._fail(f"the guest ended without having written {file.name!r}")
            if time.monotonic() - begun > seconds:
                self._fail(f"the guest has not written {file.name!r} within {seconds:g} s")
            if (latest := self._sign_of_life()) != sign:
                sign, seen = latest, time.monotonic()
            if sign and time.monotonic() - seen > STANDS_STILL:
                self._fail(f"the guest stands still: it has given no sign of life for {STANDS_STILL:g} s")
            time.sleep(LOOK)

    def _sign_of_life(self) -> float:
        """Of when the latest is; 0 before the first."""
        try:
            return (self.folder / "alive").stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def _tell_from(self, told: int, tell: Callable[[str], None]) -> int:
        """Passes on what of the guest's output has not been; how many bytes that were."""
        try:
            new = (self.folder / "output").read_bytes()[told:]
        except FileNotFoundError:
            return 0
        whole = new[: new.rfind(b"\n") + 1]
        if whole:
            tell(whole.decode("utf-8", "replace"))
        return len(whole)

    def _fail(self, what: str) -> NoReturn:
        last = self._console.read_text(errors="replace").splitlines()[-25:]
        raise GuestError("\n".join((f"{what}; its console's last lines:", *last)))


def fstab(folders: Iterable[tuple[str, Path, str, str]]) -> str:
    """Lines of fstab(5), in which blanks are escaped: what is mounted, where, of which type, and how."""
    mounts = ((what, str(where), type, f"{how},X-mount.mkdir") for what, where, type, how in folders)
    return "".join(" ".join(each.replace(" ", r"\040") for each in mount) + " 0 0\n" for mount in mounts)


def contained() -> list[str]:
    """In a namespace of its own, so that all its processes end with it, and with us however we end."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-current-user"]
    namespace = ["unshare", *user, "--pid", "--fork", "--kill-child"]
    return ["setpriv", "--pdeathsig", "KILL", *namespace, "sh", "-c", '"$@"; exit $?', "guest"]


def memory_folder() -> str:
    """Where User Mode Linux keeps the guest's memory, and QEMU what the guest has written, as sparse files."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir()
