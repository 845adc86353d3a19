"""`python -m tests.rig.devices SOCKET`: the emulated venue, all rooms plugged in, obeying JSON lines on a unix socket.

    {"do": "unplug", "name": "kitchen"}                 {"done": null}
    {"do": "plug", "name": "kitchen", "port": 15}       {"done": null}
    {"do": "hear", "name": "bar"}                       {"done": {"hertz": [440.0, 440.0], "level": [-9.0, -9.0], ...}}
    {"do": "dance"}                                     {"failed": "KeyError: 'dance'"}

The commands are `Venue`'s (venue.py). It ends when it is killed, and the kernel then sees every device unplugged.
"""

from __future__ import annotations

import asyncio
import json
import sys

from tests.rig.devices.venue import Venue


async def serve(path: str) -> None:
    venue = Venue()
    await venue.go_home()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            asked = json.loads(line)
            try:
                answer = {"done": await venue.do(asked.pop("do"), asked)}
            except Exception as error:  # noqa: BLE001  (told to the one who asked)
                answer = {"failed": f"{type(error).__name__}: {error}"}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    async with await asyncio.start_unix_server(talk, path) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
