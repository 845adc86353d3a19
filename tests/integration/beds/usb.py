"""A machine with nine amplifier boards behind hubs: umockdev's sysfs, usbfs, udev and /proc/asound.

`with usb.bed() as bed:` starts it; a program started with `bed.env` is inside and sees nothing else of this
machine's USB. Needs the system's Python with gir1.2-umockdev-1.0.

The mixer child has to stay outside (`bed.settings`, or `mixer` in a venue file): libasound looks for 32 cards in
/dev/snd, umockdev leaks a socket for each look, and aborts the program at the fiftieth.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TESTBED = Path(__file__).with_name("usb_testbed.py")
PORTS = ("1-1.1", "1-1.2", "1-1.3.1", "1-1.3.2", "1-1.3.3", "1-1.3.4", "1-1.4.1", "1-1.4.2", "1-1.4.3")


NAMES = ("bar", "foyer", "mainhall", "terrace", "kitchen", "gallery", "greenroom", "garden", "office")


class Bed:
    """The running testbed. `root` is the folder under which its sys, dev and proc lie."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        mixer = ["env", "-u", "LD_PRELOAD", sys.executable, "-m", "backends.audio.mixer_child"]
        self.settings: dict[str, dict[str, Any]] = {"usb": {}, "alsa": {"mixer": mixer}}
        hello = self._receive()
        self.root = Path(hello["root"])
        self.env = {"UMOCKDEV_DIR": hello["root"], "LD_PRELOAD": hello["preload"]}

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self._process.stdin.flush()
        return self._receive()

    def unplug(self, port: str) -> None:
        """Returns as soon as the kernel would have sent its event."""
        self.ask("unplug", port=port)

    def replug(self, port: str) -> None:
        """The same board again, with the next device number and the kernel's defaults."""
        self.ask("replug", port=port)

    def set(self, port: str, attribute: str, value: str) -> None:
        self.device(port, attribute).write_text(value + "\n")

    def get(self, port: str, attribute: str) -> str:
        return self.device(port, attribute).read_text().strip()

    def device(self, port: str, attribute: str = "") -> Path:
        return (self.root / "sys/bus/usb/devices" / port).resolve() / attribute

    def pcm(self, card: str, state: str, pid: int = 4242, hw_ptr: int = 1000) -> None:
        """The playback PCM of a card: closed, or the kernel's word for its state."""
        self.ask("pcm", card=NAMES.index(card), state=state, pid=pid, hw_ptr=hw_ptr)

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            assert self._process.stderr is not None
            raise RuntimeError(f"the USB testbed has ended: {self._process.stderr.read()[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer


@contextlib.contextmanager
def bed() -> Iterator[Bed]:
    """Raises RuntimeError with the reason when it cannot start."""
    wrapper = shutil.which("umockdev-wrapper")
    if wrapper is None:
        raise RuntimeError("umockdev-wrapper is missing: apt install umockdev gir1.2-umockdev-1.0 python3-gi")
    process = subprocess.Popen(
        [wrapper, "/usr/bin/python3", str(TESTBED)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True, env={k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},
    )  # fmt: skip
    root = None
    try:
        started = Bed(process)
        root = started.root
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if root is not None:
            shutil.rmtree(root, ignore_errors=True)
