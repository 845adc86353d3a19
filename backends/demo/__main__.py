"""`python -m backends.demo [FOLDER] [--still]`: runs the embedded venue in a folder of its own until standard
input ends, and removes it.

Says in one line of JSON what the venue file would hold; its servers listen by then.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from backends.demo.world import World


async def main(folder: Path, still: bool) -> None:
    loop = asyncio.get_running_loop()
    async with World(folder, still).running() as world:
        print(json.dumps(world.config()), flush=True)
        ended = asyncio.Event()
        loop.add_reader(sys.stdin.fileno(), ended.set)  # nothing is written to it: readable means closed
        await ended.wait()


if __name__ == "__main__":
    folder = next((word for word in sys.argv[1:] if not word.startswith("--")), "") or tempfile.mkdtemp(
        prefix="foh-demo-"
    )
    try:
        asyncio.run(main(Path(folder), "--still" in sys.argv[1:]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)  # all is closed: taking the interpreter down as well would only take longer
