"""What the emulated venue is told to do, and its answers: JSON lines.

    {"do": "unplug", "name": "kitchen"}                 {"done": null}
    {"do": "plug", "name": "kitchen", "port": 15}       {"done": null}
    {"do": "hear", "name": "bar"}                       {"done": {"hertz": [440.0, 440.0], "level": [-9.0, -9.0], ...}}
    {"do": "dance"}                                     {"failed": "KeyError: 'dance'"}

The commands are `Venue`'s (venue.py).
"""

from __future__ import annotations

import asyncio
import json

from tests.rig.devices.venue import Venue


async def obey(venue: Venue, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until the other side is gone."""
    while line := await reader.readline():
        asked = json.loads(line)
        try:
            answer = {"done": await venue.do(asked.pop("do"), asked)}
        except Exception as error:  # noqa: BLE001  (told to the one who asked)
            answer = {"failed": f"{type(error).__name__}: {error}"}
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
    writer.close()
