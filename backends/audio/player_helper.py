"""The operations of `foh helper` (backends/helper.py) on a player.

    player-restart UNIT [kill]    restarts a system service whose main process is a player; `kill`: with SIGKILL

Its callers must not be able to restart anything else. So the unit's name does not decide: as root it checks the unit's
main process or, if there is none, the command line in the unit's file, which root owns.
"""

from __future__ import annotations

from collections.abc import Sequence

import psutil

from backends.audio import systemd
from backends.audio.mopidy.config import is_server as is_mopidy
from backends.audio.mpd.config import is_server as is_mpd
from backends.audio.systemd import Unit, UnitStatus
from backends.contract import Refused, clean

RESTART, KILL = "player-restart", "kill"


def player_restart(*arguments: str) -> None:
    if len(arguments) not in (1, 2) or arguments[1:] not in ((), (KILL,)):
        raise Refused(f"{RESTART} takes UNIT, and perhaps {KILL}")
    if not systemd.is_plain(arguments[0]):
        raise Refused(f"{clean(arguments[0], 40)!r} is not the name of a service, such as mopidy@bar.service")
    unit = Unit(arguments[0])
    seen = systemd.show(unit)
    if reason := refusal(unit, seen, _argv(seen.main), systemd.unit_of(seen.main)):
        raise Refused(reason)
    systemd.restart(unit, len(arguments) == 2)


def refusal(unit: Unit, seen: UnitStatus, argv: Sequence[str], inside: Unit | None) -> str:
    """Why this unit is not restarted; "" if it is a player's. `argv` is its main process's command line, `inside` that
    process's unit by the kernel: a service that names its main process to systemd could name another's."""
    if seen.id != unit.name:
        return f"{unit.name} is {seen.id or 'not known to systemd'}"
    if seen.main and inside != unit:
        return f"the main process of {unit.name}, {seen.main}, is not in it"
    start = argv if seen.main else seen.start
    if not (is_mopidy(start) or is_mpd(start)):
        return f"{unit.name} is not a player's"
    return ""


def _argv(pid: int) -> list[str]:
    try:
        return list(psutil.Process(pid).cmdline()) if pid else []
    except psutil.Error:
        return []


OPERATIONS = {RESTART: player_restart}
