"""`python -m tests.rig.devices SOCKET`: the emulated venue, all rooms plugged in, obeying commands on a unix socket.

It ends when it is killed, and the kernel then sees every device unplugged.
"""

from __future__ import annotations

import asyncio
import os
import sys
from functools import partial

from tests.rig.devices.commands import obey
from tests.rig.devices.venue import Venue

FIRST = -10  # niceness: a bus waits for no program


async def serve(path: str) -> None:
    os.nice(FIRST)
    venue = Venue()
    await venue.go_home()
    async with await asyncio.start_unix_server(partial(obey, venue), path) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
