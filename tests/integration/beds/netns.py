"""A network namespace with only loopback up, and a relay from a loopback port outside to a port inside.

For servers that listen on every address and cannot be told otherwise. Needs root, as `unshare --net` does.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.patience import until

CLONE_NEWNET = 0x40000000  # <sched.h>
WITH_US = ("setpriv", "--pdeathsig", "KILL")  # the child ends when the test run ends, however it ends


class Namespace:
    """Lives until `close`; programs started by `command` run inside."""

    def __init__(self) -> None:
        script = "ip link set lo up && echo up && exec sleep infinity"
        self._holder = subprocess.Popen(
            [*WITH_US, "unshare", "--net", "sh", "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "up\n":
            raise RuntimeError(f"no network namespace: {self._holder.communicate()[1].strip()}")
        self._relays: list[subprocess.Popen[str]] = []

    def command(self, *argv: str) -> list[str]:
        """`argv`, to be run inside."""
        return [*WITH_US, "nsenter", "--net", "--target", str(self._holder.pid), "--", *argv]

    def relay(self, port: int) -> int:
        """A port on 127.0.0.1 outside whose connections come out at 127.0.0.1:`port` inside."""
        argv = [*WITH_US, sys.executable, "-m", __spec__.name, str(self._holder.pid), str(port)]
        relay = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        self._relays.append(relay)
        assert relay.stdout is not None
        return int(relay.stdout.readline())

    def close(self) -> None:
        for process in (*self._relays, self._holder):
            process.kill()
            process.communicate()


def wait_for(what: str, ready: Callable[[], object], log: Path | None = None) -> None:
    """Waits until `ready()`. Fails with the end of the log."""
    until(ready, what, seen=lambda: log.read_text(errors="replace")[-3000:] if log else "no log")


def _relay(holder: int, port: int) -> None:
    """Runs as its own process: listens outside, then enters the namespace and connects from there."""
    import asyncio
    import socket

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError as error:
            print(error, file=sys.stderr)
        finally:
            writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inside = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.transport.abort()  # as near to a refusal as a relay can come
            return
        await asyncio.gather(pump(reader, inside[1]), pump(inside[0], writer))

    async def serve(listener: socket.socket) -> None:
        async with await asyncio.start_server(accept, sock=listener) as server:
            await server.serve_forever()

    listener = socket.create_server(("127.0.0.1", 0))
    with Path(f"/proc/{holder}/ns/net").open() as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    print(listener.getsockname()[1], flush=True)
    asyncio.run(serve(listener))


if __name__ == "__main__":
    _relay(int(sys.argv[1]), int(sys.argv[2]))
