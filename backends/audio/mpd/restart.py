"""What restarting an MPD means for its queue, and how to find its unit.

It saves its queue into its state_file on SIGTERM, and every two minutes (mpd.conf(5)).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from pwd import getpwuid

import psutil

from backends.audio.mpd.config import config_file, settings
from backends.audio.restart import PlayerProgram
from backends.contract import Unknown, Why
from backends.foreign import stranger
from backends.helper.players import is_mpd

USUAL_PORT = "6600"
Settings = Mapping[str, str] | Unknown


def queue(kill: bool, said: Settings) -> str:
    """What happens to the queue. `said`: its configuration."""
    match said:
        case Unknown():
            return f"its queue is lost, unless a state_file is set: {said.detail}"
        case {"state_file": _}:
            which = "the queue that it saved last: SIGKILL saves nothing" if kill else "its queue (state_file)"
            return f"silent until it has started; then it continues with {which}"
    return "its queue is lost: no state_file is set"


def answers_at(argv: Sequence[str], address: str) -> bool:
    """Whether an MPD with this command line should listen at that port. It may have several addresses."""
    said = settings(config_file(argv, None))
    port = USUAL_PORT if isinstance(said, Unknown) else said.get("port", USUAL_PORT)
    return address.rpartition(":")[2] == port


def configured(pid: int) -> Settings:
    """The configuration of a process, which may have ended."""
    try:
        process = psutil.Process(pid)
        if whose := stranger(process):
            return Unknown(Why.DENIED, f"process {pid} belongs to {whose}, whose configuration foh does not read")
        file = config_file(process.cmdline(), Path(getpwuid(process.uids().effective).pw_dir))
        return settings(file if file.is_absolute() else Path(process.cwd()) / file)
    except (psutil.Error, KeyError):
        return Unknown(Why.DENIED, f"no permission to read process {pid}")


MPD = PlayerProgram(
    "mpd*.service", is_mpd, answers_at, lambda pid, kill: queue(kill, configured(pid)), "MPD, process {}".format
)
