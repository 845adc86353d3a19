"""What restarting a Mopidy means for its queue, and how its unit is known.

SIGTERM lets it save its queue, if it is told to (core/restore_state). SIGKILL loses the queue.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from backends.audio.mopidy.config import config_files, frontend_of, is_server, merged
from backends.audio.mopidy.players import called
from backends.audio.mopidy.process import of
from backends.audio.restart import Make
from backends.contract import Unknown
from backends.kinds import Flag


def queue(kill: bool, restores: Flag) -> str:
    """`restores`: whether its configuration lets it keep it."""
    if kill:
        return "its queue is lost: what is killed saves nothing"
    match restores:
        case Unknown():
            return f"its queue is lost, unless core/restore_state is on: {restores.detail}"
        case True:
            return "silent until it has started; then it goes on with its queue: core/restore_state is on"
    return "its queue is lost: core/restore_state is off"


def answers_at(argv: Sequence[str], address: str) -> bool:
    """Whether a Mopidy that is started so should have its HTTP frontend there."""
    config = merged([Path(each) for each in config_files(argv)])
    return frontend_of(config, argv, "http", "6680") == address


MOPIDY = Make("mopidy*.service", is_server, answers_at, lambda pid, kill: queue(kill, of(pid).restores), called)
