"""A real voctocore (Debian's voctomix-core 1.3) in a network namespace of its own.

It binds [::] and cannot be told otherwise, hence the namespace; its sources are TCP inputs that nobody feeds,
which changes nothing on the control port.
"""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from tests.integration.beds.netns import Namespace, wait_for

CONTROL = 9999
CAPS = "video/x-raw,format=I420,width=320,height=180,framerate=10/1,pixel-aspect-ratio=1/1,interlace-mode=progressive"
CONFIG = f"""
[mix]
videocaps = {CAPS}
sources = cam1,cam2,grabber
[stream-blanker]
enabled = true
sources = pause,nostream
[previews]
enabled = false
[mirrors]
enabled = false
"""


class Voctocore:
    """Starts in `folder`; `endpoint` stays the same over kill and start."""

    def __init__(self, folder: Path) -> None:
        self.config, self.log = folder / "voctocore.ini", folder / "voctocore.log"
        self.config.write_text(CONFIG)
        self.namespace = Namespace()
        self.endpoint = f"127.0.0.1:{self.namespace.relay(CONTROL)}"
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.namespace.command("voctocore", "-vv", "-i", str(self.config)), stdout=log, stderr=log
            )
        inside = Path(f"/proc/{self.process.pid}/net/tcp6")
        listens = f":{CONTROL:04X} {'0' * 32}:0000 0A "  # 0A: LISTEN
        wait_for("voctocore", lambda: inside.exists() and listens in inside.read_text(), self.log)

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.kill()
        self.namespace.close()
