"""What is judged about zones."""

from __future__ import annotations

from backends.contract import Evidence, Finding, Gone, Id, Remedy, Resource, Rule, Severity, Unknown, Verdict, View, Why
from backends.kinds import Control, Zone

STILL = 3.0  # seconds without movement before a playing zone counts as silent
BEGINNING = 5.0  # seconds that it may take to begin where it was sent to: a stream fills its buffer first


def stalled(zone: Zone | Gone, view: View) -> Verdict:
    """Says playing, but its position stands still: the sound has stopped, whatever the player says."""
    if isinstance(zone, Gone):
        return Verdict()
    if isinstance(zone.state, Unknown) or isinstance(zone.position, Unknown):
        return Verdict(undecided=zone.state == "playing" or isinstance(zone.state, Unknown))
    if zone.state != "playing":
        return Verdict()
    begun, earlier = view.since(zone, "state", "track", "jumps")
    still, before = view.since(zone, "state", "track", "jumps", "position")
    patience = BEGINNING if earlier and still == begun else STILL
    if zone.at - still < patience:  # not seen to stand still for so long, or not asked again since
        moved = isinstance(before, Zone) and not isinstance(before.position, Unknown)
        return Verdict(undecided=not moved, recheck_at=view.now + 1)
    lost = _lost(zone, view)
    cause = f"says playing but its position stands still at {zone.position} s"
    if lost:
        cause = f"silent: says playing, but {lost.kind} {lost.local} is gone"
    said = f"{zone.position} s, and the same {patience:g} s later"
    evidence = (Evidence("position", _read_from(zone, "position"), zone.at, said),)
    return Verdict(
        (
            Finding(
                "ZONE-STALLED",
                Severity.CRIT,
                zone.id,
                cause,
                evidence,
                "" if lost else "whether the source, the PCM or the board stopped",
                (Remedy("stop and play again", "stop", zone.id),),
                lost,
            ),
        ),
        recheck_at=view.now + 2,
    )


def _lost(zone: Zone, view: View) -> Id | None:
    """The farthest link of zone -> PCM -> board that is gone."""
    lost: Id | None = None
    here: Resource | Gone = zone
    for relation in ("pcm", "board"):
        there = view.follow(here, relation) or view.follow(zone, relation)
        if there is None:
            continue
        if isinstance(there, Gone):
            lost = there.id
        here = there
    return lost


def _read_from(resource: Resource, field: str) -> str:
    return next((item.read_from for item in resource.evidence if item.what == field), "")


def mixer_silent(control: Control | Gone, view: View) -> Verdict:
    """A mixer's device that does not answer while its source does: the sound server behind it is gone, or hangs."""
    if isinstance(control, Gone) or isinstance(control.device, Unknown):  # the latter: the source itself is unwell
        return Verdict()
    if not isinstance(control.mute, Unknown) or control.mute.why is not Why.UNREACHABLE:
        return Verdict()
    cause = f"the mixer of {control.device} does not answer: {control.mute.detail}"
    evidence = (Evidence("mute", f"ALSA mixer {control.device}", control.at, control.mute.detail),)
    unknown = "whether it is muted, and how loud it is"
    remedies = (Remedy("see whether the sound server behind it runs"),)
    return Verdict((Finding("MIXER-UNREACHABLE", Severity.WARN, control.id, cause, evidence, unknown, remedies),))


ZONE_RULES = (Rule("stalled", "zone", stalled),)
CONTROL_RULES = (Rule("mixer-silent", "control", mixer_silent),)
