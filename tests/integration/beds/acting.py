"""Takes every action of one Mopidy's zone, first as a lie, then for real: a program, to be run where its process is.

python -m tests.integration.beds.acting ENDPOINT FOLDER
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from backends.audio.mopidy.source import backend
from tests.contract.acting import act_all
from tests.contract.running import running


async def main(endpoint: str, folder: str) -> None:
    Path(folder).mkdir()
    section = {"endpoints": [endpoint], "processes": False}
    async with running(backend, section, "mopidy ", Path(folder)) as run:
        done = await act_all(run.venue, run.feed.runtime.sources)
        print(*sorted(action for _, action in done))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
