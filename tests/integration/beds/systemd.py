"""A real systemd as the first process of namespaces of its own (PID, mount, IPC, UTS, cgroup), over this machine's
files, with a /run of its own and nothing started but what a test tells it to. The network is this machine's, of which
only loopback is used. Needs root, as the other namespaces do.

Its control groups are in one of its own too, and everything ends with its first process.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from shlex import join

import httpx

from tests.integration.beds.mopidy import RealMopidy
from tests.integration.beds.mpd import RealMpd
from tests.integration.beds.netns import WITH_US, wait_for
from tests.patience import BOUND

PROGRAM, TARGET = "/lib/systemd/systemd", "foh-test.target"
SPACES = ("--fork", "--pid", "--kill-child", "--mount", "--mount-proc", "--uts", "--ipc", "--cgroup")
QUIET = "[Unit]\nDefaultDependencies=no\n"
SERVICE = """[Unit]
DefaultDependencies=no
[Service]
Environment=HOME={home} XDG_RUNTIME_DIR={home} PYTHONDONTWRITEBYTECODE=1
ExecStart={start}
StandardOutput=append:{home}/unit.log
StandardError=append:{home}/unit.log
Restart=on-failure
RestartSec=200ms
{more}
"""
BOOT = f"""set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system
mountpoint -q /sys/fs/cgroup && umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
printf '{QUIET.encode("unicode_escape").decode()}' > /run/systemd/system/{TARGET}
exec env -i container=foh PATH=/usr/sbin:/usr/bin:/sbin:/bin {PROGRAM} --system --unit={TARGET} \\
    --log-target=console --show-status=no
"""


class Manager:
    """A systemd that can be told things. `units` is where its units' files are."""

    units: Path
    systemctl: Sequence[str] = ("systemctl",)

    def run(self, *argv: str, env: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
        raise NotImplementedError

    def ctl(self, *words: str) -> str:
        """Runs the real `systemctl`. Raises RuntimeError with what it said."""
        ran = self.run(*self.systemctl, *words)
        if ran.returncode:
            raise RuntimeError(f"systemctl {' '.join(words)}: {ran.stderr}")
        return ran.stdout.strip()

    def main(self, unit: str) -> int:
        """Its main process, as it is called inside."""
        return int(self.ctl("show", "--property=MainPID", "--value", unit))

    def kill(self, signal: str, unit: str) -> None:
        self.ctl("kill", f"--signal={signal}", "--kill-who=main", unit)

    def service(self, name: str, start: Sequence[str], home: Path, more: str = "") -> None:
        """Writes a unit's file. `more` is more of its [Service]."""
        (self.units / name).write_text(SERVICE.format(start=join(start), home=home, more=more))
        self.ctl("daemon-reload")


class Systemd(Manager):
    """Up after construction. `folder` is for its console's output."""

    def __init__(self, folder: Path) -> None:
        self._cgroup = cgroup2() / f"foh-test-{uuid.uuid4().hex}"
        self._cgroup.mkdir()
        into = f"echo $$ > {self._cgroup}/cgroup.procs; exec {join(['unshare', *SPACES, 'sh', '-c', BOOT])}"
        console = folder / "systemd.console"
        with console.open("wb") as said:
            self._holder = subprocess.Popen([*WITH_US, "sh", "-c", into], stdout=said, stderr=said)
        wait_for("systemd", self._booted, console)
        self.root = Path(f"/proc/{self.first}/root")  # its files, seen from outside
        self.units = self.root / "run/systemd/system"

    def _booted(self) -> bool:
        if self._holder.poll() is not None:
            raise RuntimeError("systemd has ended; this needs root, namespaces and cgroup2")
        children = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children").read_text().split()
        self.first = int(children[0]) if children else 0
        return bool(self.first) and self.run("systemctl", "is-active", TARGET).stdout == "active\n"

    def inside(self, *argv: str) -> list[str]:
        """`argv`, to be run inside."""
        return [*WITH_US, "nsenter", f"--target={self.first}", "--all", f"--wd={Path.cwd()}", "--", *argv]

    def run(self, *argv: str, env: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
        ran = self.inside(*argv)
        return subprocess.run(
            ran, env={**os.environ, **env}, capture_output=True, text=True, timeout=BOUND, check=False
        )

    def foh(self, *words: str, env: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "console", *words, env=env)

    def bus(self) -> None:
        """Starts the system's D-Bus, by which others than root ask systemd."""
        quiet = "[Unit]\nDefaultDependencies=no\n"
        (self.units / "dbus.socket").write_text(f"{quiet}[Socket]\nListenStream=/run/dbus/system_bus_socket\n")
        start = "/usr/bin/dbus-daemon --system --address=systemd: --nofork --nopidfile --systemd-activation"
        (self.units / "dbus.service").write_text(f"{quiet}[Service]\nType=notify\nExecStart={start}\n")
        self.ctl("daemon-reload")
        self.ctl("start", "dbus.socket", "dbus.service")

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()
        wait_for("the end of its processes", lambda: "populated 0" in (self._cgroup / "cgroup.events").read_text())
        for each in sorted(self._cgroup.rglob("*/"), reverse=True):
            if each.is_dir():
                each.rmdir()
        self._cgroup.rmdir()


class UserManager(Manager):
    """The manager of user 65534, as a service of that systemd: it needs no login for it here."""

    UID = 65534
    WHO = ("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups")
    systemctl = ("systemctl", "--user")

    def __init__(self, systemd: Systemd) -> None:
        self._systemd, self.env = systemd, {"XDG_RUNTIME_DIR": f"/run/user/{self.UID}"}
        name = f"user@{self.UID}.service"
        home = systemd.root / f"run/user/{self.UID}"
        self.units = home / "systemd/user"
        self.units.mkdir(parents=True)
        (self.units / TARGET).write_text(QUIET)
        for each in (home, home / "systemd", self.units):
            os.chown(each, self.UID, self.UID)
        (systemd.units / name).write_text(
            f"{QUIET}[Service]\nUser={self.UID}\nGroup={self.UID}\nDelegate=yes\nType=notify\n"
            f"Slice=user-{self.UID}.slice\nEnvironment=XDG_RUNTIME_DIR=/run/user/{self.UID} HOME=/tmp\n"
            f"ExecStart={PROGRAM} --user --unit={TARGET}\n"
        )
        systemd.ctl("daemon-reload")
        systemd.ctl("start", name)

    def run(self, *argv: str, env: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
        return self._systemd.run(*self.WHO, *argv, env={**self.env, **env})


class Player:
    """A player that is a systemd's unit."""

    unit: str
    section: str  # of foh's venue file
    _systemd: Manager

    @property
    def pid(self) -> int:
        return self._systemd.main(self.unit)

    def stop(self) -> None:
        for word in (("kill", "--signal=KILL"), ("stop",)):
            self._systemd.run(*self._systemd.systemctl, *word, self.unit)


class UnitMpd(Player, RealMpd):
    """An MPD that is mpd.service, started by systemd as Debian's is: its socket may be systemd's."""

    def __init__(self, systemd: Manager, folder: Path, more: str = "", socket: bool = False) -> None:
        """`more` is more of its configuration."""
        self._systemd, self.unit, self._socket = systemd, "mpd.service", socket
        super().__init__(folder, more=more)
        self.section = f'[mpd]\nendpoints = ["{self.address}"]\n'

    def start(self) -> None:
        start = ["/usr/bin/mpd", "--systemd", "--stderr", str(self.config)]
        self._systemd.service(self.unit, start, self.folder, "Type=notify")
        if self._socket:
            (self._systemd.units / "mpd.socket").write_text(f"{QUIET}[Socket]\nListenStream={self.address}\n")
            self._systemd.ctl("daemon-reload")
            self._systemd.ctl("start", "mpd.socket")
        self._systemd.ctl("start", self.unit)
        wait_for("MPD", self.answers, self.folder / "unit.log")

    def stop(self) -> None:
        if self._socket:
            self._systemd.ctl("stop", "mpd.socket")
            (self._systemd.units / "mpd.socket").unlink()
        super().stop()


class UnitMopidy(Player, RealMopidy):
    """A Mopidy that is the unit mopidy@NAME.service of such a systemd."""

    def __init__(self, systemd: Manager, name: str, folder: Path, more: str = "", core: str = "") -> None:
        """`more` is more of its unit's [Service], `core` of its [core]."""
        self._systemd, self.unit, self._more = systemd, f"mopidy@{name}.service", more
        self._core = core
        super().__init__(name, folder, "fakesink sync=true", {})
        self.section = f'[mopidy]\nendpoints = ["{self.endpoint}"]\n'
        self.address = self.endpoint.removeprefix("http://")

    def start(self, wait: bool = True) -> None:
        text = self.config.read_text()
        self.config.write_text(text.replace("[core]\n", f"[core]\n{self._core}\n", 1))
        self._systemd.service(self.unit, ["/usr/bin/mopidy", "--config", str(self.config)], self.folder, self._more)
        self.begin(wait)

    def begin(self, wait: bool = True) -> None:
        self._systemd.ctl("start", self.unit)
        if wait:
            wait_for(f"Mopidy {self.name}", self.answers, self.folder / "unit.log")

    def answers(self) -> bool:
        try:
            return bool(self.rpc("core.get_version"))
        except httpx.HTTPError:
            return False

    @contextlib.contextmanager
    def by_hand(self, systemd: Systemd) -> Iterator[int]:
        """The same server beside the unit, in no unit's control group; its process, as it is called inside."""
        note = self.folder / "by-hand.pid"
        script = f"echo $$ > /sys/fs/cgroup/cgroup.procs; echo $$ > {note}; exec mopidy --config {self.config}"
        log = (self.folder / "by-hand.log").open("wb")
        started = subprocess.Popen(
            systemd.inside("sh", "-c", script), env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            wait_for("the server by hand", self.answers, self.folder / "by-hand.log")
            yield int(note.read_text())
        finally:
            systemd.run("kill", "-KILL", note.read_text().strip())
            started.wait(BOUND)
            log.close()


def cgroup2() -> Path:
    """Where this machine has its control groups of the second version."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    raise RuntimeError("no cgroup2 is mounted here")
