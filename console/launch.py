"""Starting a process of its own for a run. It has its own session, so that no terminal ends it, and reads from its
standard input the configuration that this process has, as the embedded venue has no file."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from console.config import Config
from console.venue.owner import owner


class Order(Struct, frozen=True):
    """What such a process is given: the console's configuration, and the process that hands the run over."""

    config: Config
    owner: str


def launch(config: Config, id: int) -> subprocess.Popen[bytes]:
    """Starts the process. Blocking. Raises OSError."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "console", "run", str(id)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin as pipe:  # it has ended: who waits for it sees that
        pipe.write(msgspec.json.encode(Order(config, owner()), enc_hook=str))
    return process


def read(data: bytes) -> Order:
    """What the process is given. Raises msgspec.MsgspecError."""
    return msgspec.json.decode(data, type=Order, dec_hook=_path)


def _path(kind: type, value: Any) -> Path:
    return Path(value)
