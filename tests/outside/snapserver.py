"""A real Snapcast server on loopback, and speakers that only say that they are there."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import struct
import subprocess
import threading
from pathlib import Path
from typing import Any

from backends.testing.patience import BOUND, until

HELLO = 5  # the type of a client's first message (doc/binary_protocol.md)


class Snapserver:
    """Runs after construction, with the streams `music` and `news`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder, (self.port, self._speakers_port) = folder, _free_ports(2)
        self._speakers: dict[str, socket.socket] = {}
        self._playing: list[subprocess.Popen[bytes]] = []
        self.start()

    def start(self) -> None:
        folder = self._folder
        argv = [
            "snapserver", "--config=/dev/null", f"--server.datadir={folder}", "--http.enabled=false",
            "--tcp.bind_to_address=127.0.0.1", f"--tcp.port={self.port}",
            "--stream.bind_to_address=127.0.0.1", f"--stream.port={self._speakers_port}",
            *(f"--stream.source=pipe://{folder}/{name}?name={name}&mode=create" for name in ("music", "news")),
        ]  # fmt: skip
        with (folder / "log").open("ab") as log:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(self._answers, "snapserver answers", seen=(folder / "log").read_text)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return bool(self.call("Server.GetRPCVersion"))
        return False

    def call(self, method: str, **params: object) -> Any:
        """As any other program that controls it. The result."""
        request = {"id": 1, "jsonrpc": "2.0", "method": method, "params": params}
        with socket.create_connection(("127.0.0.1", self.port), BOUND) as control, control.makefile("rwb") as file:
            file.write(json.dumps(request).encode() + b"\n")
            file.flush()
            return next(said for line in file if "id" in (said := json.loads(line)))["result"]

    def clients(self) -> dict[str, Any]:
        """What it says of each speaker."""
        groups = self.call("Server.GetStatus")["server"]["groups"]
        return {client["id"]: client for group in groups for client in group["clients"]}

    def join(self, id: str, name: str) -> None:
        """A speaker comes, on a machine of that name."""
        hello = {
            "ID": id, "HostName": name, "MAC": id, "Arch": "x86_64", "OS": "Debian", "ClientName": "Snapclient",
            "Version": "0.26.0", "Instance": 1, "SnapStreamProtocolVersion": 2,
        }  # fmt: skip
        text = json.dumps(hello).encode()
        body = struct.pack("<I", len(text)) + text
        speaker = self._speakers[id] = socket.create_connection(("127.0.0.1", self._speakers_port), BOUND)
        speaker.settimeout(None)
        speaker.sendall(struct.pack("<HHHiiiiI", HELLO, 0, 0, 0, 0, 0, 0, len(body)) + body)
        threading.Thread(target=_listen, args=(speaker,), daemon=True).start()
        until(lambda: self.clients().get(id, {}).get("connected"), f"{name} is connected")

    def leave(self, id: str) -> None:
        self._speakers.pop(id).shutdown(socket.SHUT_RDWR)

    def play(self, stream: str) -> None:
        """Silence, as somebody who plays it."""
        argv = ["sh", "-c", 'exec cat /dev/zero > "$0"', str(self._folder / stream)]
        self._playing.append(subprocess.Popen(argv))

    def stop(self) -> None:
        for id in tuple(self._speakers):
            self.leave(id)
        for process in (*self._playing, self._process):
            process.send_signal(signal.SIGKILL)
            process.wait()


def _listen(speaker: socket.socket) -> None:
    """Takes what the server sends, as a speaker does."""
    with contextlib.suppress(OSError), speaker:
        while speaker.recv(65536):
            pass


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
