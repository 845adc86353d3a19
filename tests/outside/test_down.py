"""What people read when the server is down."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from foh_snapcast import connected

from backends.contract import IO


class Deadlines:
    """The part of IO that a connection uses."""

    deadline = staticmethod(asyncio.timeout)


@pytest.mark.asyncio
async def test_a_server_that_is_down_is_reported_in_words() -> None:
    with pytest.raises(ConnectionRefusedError, match="its speakers are silent"):
        async with connected("127.0.0.1:1", cast(IO, Deadlines())):
            pass
