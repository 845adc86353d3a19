"""A real LXD (Debian 5.0.2) with its own state folder, and instances made from busybox.

It lives in PID, mount, network and UTS namespaces of its own: when their first process ends, the daemon, the
containers, their monitors and every mount end with it.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
from pathlib import Path

from tests.integration.beds.netns import WITH_US, wait_for

PRESEED = """
storage_pools: [{name: default, driver: dir}]
profiles: [{name: default, devices: {root: {path: /, pool: default, type: disk}}}]
projects: [{name: stage, config: {features.images: "false", features.profiles: "false"}}]
"""
METADATA = 'architecture: x86_64\ncreation_date: 1767225600\nproperties: {os: busybox, description: "busybox"}\n'
INITTAB = "::respawn:/bin/sleep 100000\n"


def image(path: Path) -> None:
    """A unified image tarball of some 1 MB: one busybox as /sbin/init and everything else."""
    with tarfile.open(path, "w:gz") as tar:

        def text(name: str, content: str) -> None:
            info = tarfile.TarInfo(name)
            info.size = len(content.encode())
            tar.addfile(info, io.BytesIO(content.encode()))

        text("metadata.yaml", METADATA)
        for folder in ("bin", "sbin", "etc", "proc", "sys", "dev", "tmp", "run"):
            info = tarfile.TarInfo(f"rootfs/{folder}")
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)
        tar.add("/bin/busybox", "rootfs/bin/busybox")
        for link in ("bin/sh", "bin/sleep", "sbin/init"):
            info = tarfile.TarInfo(f"rootfs/{link}")
            info.type, info.linkname = tarfile.SYMTYPE, "/bin/busybox"
            tar.addfile(info)
        text("rootfs/etc/inittab", INITTAB)


class Lxd:
    """Up after construction, with the instances web1 (running) and web2 and stage/web1 (stopped)."""

    def __init__(self, name: str = "alpha") -> None:
        self.folder = folder = Path(tempfile.mkdtemp(prefix="foh-lxd-"))
        folder.chmod(0o711)  # a container's root is nobody here and must get through
        self.log = folder / "lxd.log"
        self.state, self.socket = folder / "state", str(folder / "state/unix.socket")
        for path in (self.state, folder / "conf", folder / "logs"):
            path.mkdir(parents=True)
        script = f'ip link set lo up; hostname {name}; mount --bind "$0" /var/log/lxd; echo up'
        script += "; while :; do sleep 60; done"
        spaces = ("--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--net", "--uts")
        self._holder = subprocess.Popen(
            [*WITH_US, "unshare", *spaces, "--propagation", "private", "sh", "-c", script, str(folder / "logs")],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "up\n", "no namespaces for LXD"
        self._first = self._child(self._holder.pid)
        self._daemon: subprocess.Popen[bytes] | None = None
        self.start()
        subprocess.run(["lxd", "init", "--preseed"], input=PRESEED, text=True, check=True, env=self.environ)
        image(folder / "busybox.tar.gz")
        self.lxc("image", "import", str(folder / "busybox.tar.gz"), "--alias", "busybox")
        self.lxc("launch", "busybox", "web1")
        self.lxc("init", "busybox", "web2")
        self.lxc("init", "busybox", "web1", "--project", "stage")

    @staticmethod
    def _child(pid: int) -> int:
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    @property
    def environ(self) -> dict[str, str]:
        here = {
            "LXD_DIR": str(self.state),
            "LXD_CONF": str(self.folder / "conf"),
            "HOME": str(self.folder / "conf"),
        }
        return os.environ | here

    def start(self) -> None:
        argv = ["nsenter", "--target", str(self._first), "--mount", "--pid", "--net", "--uts", "--"]
        with self.log.open("ab") as log:
            self._daemon = subprocess.Popen(
                [*WITH_US, *argv, "lxd", "--group", "root", "--verbose"], stdout=log, stderr=log, env=self.environ
            )

        def ready() -> bool:
            asked = ["lxd", "waitready", "--timeout=1"]
            return subprocess.run(asked, env=self.environ, capture_output=True, check=False).returncode == 0

        wait_for("LXD", lambda: Path(self.socket).exists() and ready(), self.log)

    @property
    def runs(self) -> bool:
        return self._daemon is not None and self._daemon.poll() is None

    def signal(self, number: signal.Signals) -> None:
        assert self._daemon is not None
        os.kill(self._child(self._daemon.pid), number)
        if number is signal.SIGCONT:
            self._daemon.send_signal(number)  # nsenter stops with its child, and does not go on by itself

    def kill(self) -> None:
        """The daemon only: its containers run on."""
        assert self._daemon is not None
        self.signal(signal.SIGKILL)
        self._daemon.wait()

    def lxc(self, *words: str) -> str:
        """Runs the real `lxc`. Raises RuntimeError with what it said."""
        done = subprocess.run(["lxc", *words], env=self.environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"lxc {' '.join(words)}: {done.stderr}")
        return done.stdout

    def close(self) -> None:
        try:
            for project in ("default", "stage"):
                self.lxc("stop", "--all", "--force", "--project", project)
        finally:
            self._holder.kill()
            self._holder.wait()
            if self._daemon:
                self._daemon.kill()
                self._daemon.wait()
            shutil.rmtree(self.folder, ignore_errors=True)
