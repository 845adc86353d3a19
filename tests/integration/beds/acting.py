"""Takes every action of one Mopidy's zone, first as a lie, then for real: a program, to be run where its process is.

python -m tests.integration.beds.acting ENDPOINT
"""

from __future__ import annotations

import asyncio
import sys

from backends.audio.mopidy.source import backend
from backends.testing.acting import act_all
from backends.testing.stage import staged


async def main(endpoint: str) -> None:
    section = {"endpoints": [endpoint], "processes": False}
    async with staged(backend, section, "mopidy ") as run:
        print(*sorted(action for _, action in await act_all(run)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
