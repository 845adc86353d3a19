"""Whether phones can reach a zone: Mopidy's MPD frontend, and the number of its clients."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import urlsplit

from msgspec import Struct

from backends.audio.endpoints import connections
from backends.contract import IO, Unknown, Why, clean
from backends.kinds import Number, Text

ANSWER = 1.0  # seconds until it must have sent its greeting
GREETING = re.compile(rb"OK MPD ([\w.]{1,20})\n").fullmatch  # MPD's protocol, "Connection"
_NONE = Unknown(Why.NOT_APPLICABLE, "its configuration has no MPD frontend")


class Phones(Struct, frozen=True):
    """`mpd` says how the frontend answers, `clients` how many clients it has."""

    mpd: Text = _NONE
    clients: Number = _NONE


async def look(address: str, pid: int | Unknown, io: IO) -> Phones:
    """Connects to the frontend at host:port like a phone ("": there is none). If its own process does not listen there,
    the answer of another does not count: Mopidy keeps running without a frontend whose port was taken."""
    if not address:
        return Phones()
    clients = pid if isinstance(pid, Unknown) else await io.thread(connections, pid, urlsplit(f"//{address}").port or 0)
    said = await _greeting(address)
    if clients is None:
        other = "another program answers" if isinstance(said, str) else "nothing answers"
        said = Unknown(Why.UNREACHABLE, f"it does not listen at {clean(address)}; {other} there")
    return Phones(said, said if isinstance(said, Unknown) else clients or 0)


async def _greeting(address: str) -> Text:
    try:
        async with asyncio.timeout(ANSWER):
            host, _, port = address.rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                line = await reader.read(64)
            finally:
                writer.close()
    except TimeoutError:
        return Unknown(Why.UNREACHABLE, f"it accepts at {clean(address)} but does not answer")
    except OSError:
        return Unknown(Why.UNREACHABLE, f"nothing listens at {clean(address)}")
    if not (match := GREETING(line)):
        return Unknown(Why.MALFORMED, f"what answers at {clean(address)} is not MPD")
    return f"{clean(address)}, MPD {match[1].decode()}"
