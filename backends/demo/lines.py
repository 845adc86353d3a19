"""The line protocol of a backend's child process in the embedded venue: the server, and the stand-in for the child.

    python -m backends.demo.lines SOCKET

The stand-in only copies lines between its standard streams and the socket of the process that plays the venue. The
state lives in that process, so that the scenario and a second console see the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from backends.child_process import At, die_with_parent, is_look
from backends.interpreter import python


class Lines:
    """Sends every client a complete report when it connects, at every change and every `beat` seconds."""

    def __init__(self, socket: Path, beat: float) -> None:
        self.socket = socket
        self.argv = python("backends.demo.lines", str(socket))  # for the backend's setting
        self._beat = beat
        self._clients: set[asyncio.StreamWriter] = set()

    def everything(self) -> Struct:
        raise NotImplementedError

    def answer(self, line: bytes) -> Struct:
        """The answer to one client's request."""
        raise NotImplementedError

    def tell(self) -> None:
        line = _line(self.everything())
        for writer in self._clients:
            writer.write(line)

    async def run(self) -> None:
        """Serves until cancelled."""
        async with await asyncio.start_unix_server(self._joined, self.socket):
            while True:
                self.tell()
                await asyncio.sleep(self._beat)

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        self.tell()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):  # the venue ends, or the client has
            while line := await reader.readline():
                writer.write(_line(self.everything() if is_look(line) else self.answer(line)))
        self._clients.discard(writer)
        writer.close()


def _line(message: Struct) -> bytes:
    return msgspec.json.encode(message) + b"\n"


def main(path: str) -> None:
    """Copies bytes both ways until either side ends."""
    die_with_parent()
    _write_all(1, _line(At("")))
    with socket.socket(socket.AF_UNIX) as venue:
        venue.connect(path)
        while True:
            ready, _, _ = select.select([0, venue.fileno()], [], [])
            for end in ready:
                data = os.read(end, 65536)
                if not data:
                    return
                _write_all(venue.fileno() if end == 0 else 1, data)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


if __name__ == "__main__":
    main(sys.argv[1])
