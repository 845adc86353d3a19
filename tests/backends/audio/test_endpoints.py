"""Who listens at a port."""

from __future__ import annotations

import os
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest

from backends.audio import endpoints
from backends.audio.endpoints import listener
from tests.patience import until


def test_one_search_for_listeners_answers_all_who_asked_before_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    searches, searched, asking = [0], psutil.net_connections, list[int]()

    def search(kind: str) -> Any:
        searches[0] += 1
        until(lambda: sum(map(waits, asking)) == 4 or searches[0] > 1, "the others have asked as well")
        return searched(kind)

    def ask(address: str) -> object:
        asking.append(threading.get_ident())
        return listener(address)

    def waits(thread: int) -> bool:
        frame = sys._current_frames().get(thread)
        return frame is not None and frame.f_code.co_filename == endpoints.__file__

    monkeypatch.setattr(psutil, "net_connections", search)
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as pool:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert set(pool.map(ask, [address] * 5)) == {os.getpid()}
        assert searches[0] == 2
        assert listener(address) == os.getpid()
        assert searches[0] == 3, "what was found before somebody asked may no longer be so"
