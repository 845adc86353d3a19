"""What of `foh helper` (backends/helper.py) is done to a player.

    player-restart UNIT [kill]    restarts a service of the system whose main process is a player; `kill`: without
                                  asking it to end

Whoever may call it must not be able to restart anything else: so it is not the name that decides, but the unit's main
process, looked at as root, or, where it has none, the command line in its file, which is root's.
"""

from __future__ import annotations

from collections.abc import Sequence

import psutil

from backends.audio import systemd
from backends.audio.mopidy.config import is_server as is_mopidy
from backends.audio.mpd.config import is_server as is_mpd
from backends.audio.systemd import Shown, Unit
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


def refusal(unit: Unit, seen: Shown, argv: Sequence[str], inside: Unit | None) -> str:
    """Why this unit is not restarted; "" if it is a player's. `argv` is its main process's command line, `inside` the
    unit that the kernel has that process in: a service that tells systemd its main process could name another's."""
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
