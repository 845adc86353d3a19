"""Starting a process of its own for a run. It has its own session, so that no terminal ends it, and reads from its
standard input the configuration that this process has, as the embedded venue has no file."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from backends.interpreter import FOLDER, python
from console.config import Config
from console.venue.owner import owner


class Order(Struct, frozen=True):
    """What such a process is given: the console's configuration, the process that hands the run over, and the
    folder in which its relative paths mean what they meant."""

    config: Config
    owner: str
    folder: str


def launch(config: Config, id: int) -> subprocess.Popen[bytes]:
    """Starts the process. Blocking. Raises OSError."""
    process = subprocess.Popen(
        python("console", "run", str(id)), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True, cwd=FOLDER,
    )  # fmt: skip
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin as pipe:  # it has ended: who waits for it sees that
        pipe.write(msgspec.json.encode(Order(config, owner(), _folder()), enc_hook=str))
    return process


def read(data: bytes) -> Order:
    """What the process is given. Raises msgspec.MsgspecError."""
    return msgspec.json.decode(data, type=Order, dec_hook=_path)


def _folder() -> str:
    """The current folder; the root where it has been removed."""
    try:
        return str(Path.cwd())
    except OSError:
        return FOLDER


def _path(kind: type, value: Any) -> Path:
    return Path(value)
