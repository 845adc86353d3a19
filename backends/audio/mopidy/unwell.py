"""Describes a Mopidy that does not answer, from its processes, its unit and its log. Pure."""

from __future__ import annotations

from backends.audio.mopidy import model
from backends.audio.mopidy.players import ListedPlayer, moment
from backends.audio.mopidy.process import PlayerProcess
from backends.audio.mopidy.zone import MopidyZone
from backends.audio.restart import PlayerUnit
from backends.audio.systemd import Unit
from backends.contract import Id, Key, Offer


def why(meant: ListedPlayer | None, now: PlayerUnit, last: str) -> str:
    """Why the player does not answer. `meant` is a process that was started for its port, `last` the end of its log."""
    there = ""
    if meant:
        there = f"; process {meant.pid}, started {moment(meant.started)}, has no HTTP frontend there"
    elif isinstance(now.unit, Unit):
        there = f"; {now.unit.name} is {now.state}"
    return there + (f"; its log ends: {last}" if last else "")


def zone(
    id: Id, process: PlayerProcess, now: PlayerUnit, offers: tuple[Offer, ...], before: MopidyZone | None, at: float
) -> MopidyZone:
    """The zone while its Mopidy does not answer. `pid` stays unknown: it is the pid of the process that answers."""
    last = before or MopidyZone(id=id, name=id.local)
    return MopidyZone(
        id=id,
        name=process.name or last.name,
        keys=(Key("tcp", id.local, id.host), *process.keys(id.host)),
        links=model.links(process, id.host) or last.links,
        offers=offers,
        evidence=process.evidence(at),
        unit=now.unit.name if isinstance(now.unit, Unit) else now.unit,
    )
