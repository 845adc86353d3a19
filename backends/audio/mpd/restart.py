"""What restarting an MPD means for its queue, and how its unit is known.

It saves its queue into its state_file when it is asked to end, and every two minutes (mpd.conf(5)).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from pwd import getpwuid

import psutil

from backends.audio.mpd.config import config_file, is_server, settings
from backends.audio.restart import Make
from backends.contract import Unknown, Why

USUAL_PORT = "6600"
Settings = Mapping[str, str] | Unknown


def queue(kill: bool, said: Settings) -> str:
    """`said`: its configuration."""
    match said:
        case Unknown():
            return f"its queue is lost, unless a state_file is set: {said.detail}"
        case {"state_file": _}:
            which = "the queue that it saved last: what is killed saves nothing" if kill else "its queue (state_file)"
            return f"silent until it has started; then it goes on with {which}"
    return "its queue is lost: no state_file is set"


def answers_at(argv: Sequence[str], address: str) -> bool:
    """Whether an MPD that is started so should listen at that port; of its addresses it may have several."""
    said = settings(config_file(argv, None))
    port = USUAL_PORT if isinstance(said, Unknown) else said.get("port", USUAL_PORT)
    return address.rpartition(":")[2] == port


def configured(pid: int) -> Settings:
    """The configuration of this process, which may have ended."""
    try:
        process = psutil.Process(pid)
        file = config_file(process.cmdline(), Path(getpwuid(process.uids().effective).pw_dir))
        return settings(file if file.is_absolute() else Path(process.cwd()) / file)
    except (psutil.Error, KeyError):
        return Unknown(Why.DENIED, f"process {pid} may not be looked at")


MPD = Make(
    "mpd*.service", is_server, answers_at, lambda pid, kill: queue(kill, configured(pid)), "MPD, process {}".format
)
