"""Which of some addresses of this host have somebody who listens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

PATIENCE = 0.3  # seconds; loopback answers at once


async def listens(addresses: Iterable[str]) -> list[str]:
    """Those of these `host:port` that accept a connection."""
    asked = list(addresses)
    answers = await asyncio.gather(*map(_accepts, asked))
    return [address for address, accepts in zip(asked, answers, strict=True) if accepts]


async def _accepts(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True
