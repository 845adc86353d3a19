"""What restarting a Mopidy means for its queue, and how to find its unit.

On SIGTERM it saves its queue if core/restore_state is on. SIGKILL loses the queue.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from backends.audio.mopidy.config import config_files, frontend_of, merged
from backends.audio.mopidy.players import name_of
from backends.audio.mopidy.process import of
from backends.audio.restart import PlayerProgram
from backends.contract import Unknown
from backends.helper.players import is_mopidy
from backends.kinds import Flag


def queue(kill: bool, restores: Flag) -> str:
    """What happens to the queue. `restores`: core/restore_state is on."""
    if kill:
        return "its queue is lost: SIGKILL saves nothing"
    match restores:
        case Unknown():
            return f"its queue is lost, unless core/restore_state is on: {restores.detail}"
        case True:
            return "silent until it has started; then it continues with its queue: core/restore_state is on"
    return "its queue is lost: core/restore_state is off"


def answers_at(argv: Sequence[str], address: str) -> bool:
    """Whether a Mopidy with this command line should have its HTTP frontend there."""
    config = merged([Path(each) for each in config_files(argv)])
    return frontend_of(config, argv, "http", "6680") == address


MOPIDY = PlayerProgram(
    "mopidy*.service", is_mopidy, answers_at, lambda pid, kill: queue(kill, of(pid).restores), name_of
)
