"""`python -m backends.demo [--still]`: runs the embedded venue until standard input ends.

Says in one line of JSON what the venue file would hold; its servers listen by then.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from backends.demo.world import World


async def main(still: bool) -> None:
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory(prefix="foh-demo-") as folder:
        async with World(Path(folder), still).running() as world:
            print(json.dumps(world.config()), flush=True)
            ended = asyncio.Event()
            loop.add_reader(sys.stdin.fileno(), ended.set)  # nobody writes: readable means closed
            await ended.wait()


if __name__ == "__main__":
    asyncio.run(main("--still" in sys.argv[1:]))
