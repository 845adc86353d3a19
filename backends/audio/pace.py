"""The rules about a zone's pace: it runs ahead of real time, or its sound has gaps."""

from __future__ import annotations

import itertools

from backends.audio.rules import CLOSED, STILL, read_from, restart_remedies
from backends.contract import Evidence, Finding, Gone, Remedy, Resource, Rule, Severity, Unknown, Verdict, View
from backends.kinds import PLACE, Pcm, Zone

GAPS = (2.0, 4.0, 6.0, 8.0)  # seconds ago: a PCM that underruns has started again between each two of these moments
LEAPS, FAST = (1.0, 2.0, 3.0), 3.0  # seconds ago, and a multiple of real time that nobody listens at
RUSH, TRACKS = 5.0, 10  # seconds, and more tracks than an operator starts by hand in that time


def runaway(zone: Zone | Gone, view: View) -> Verdict:
    """Faster than real time: it starts track after track because each fails at once, or its position runs ahead of the
    clock because its output discards the sound."""
    if isinstance(zone, Gone) or zone.state != "playing" or not isinstance(zone.tracks_begun, int):
        return Verdict(undecided=not isinstance(zone, Gone) and isinstance(zone.state, Unknown))
    before = view.ago(zone.id, RUSH)
    earlier = before.tracks_begun if isinstance(before, Zone) else Unknown()
    begun = zone.tracks_begun - earlier if isinstance(earlier, int) else 0
    if begun >= TRACKS:
        cause = f"skips through its queue: {begun} tracks started within {RUSH:g} s, none of them audible"
        evidence = Evidence("tracks begun", f"{zone.endpoint} track_playback_started", zone.at, f"{begun} more")
    elif ahead := _ahead(zone, view):
        cause = f"silent: its position advanced {ahead:.0f} s in {LEAPS[-1]:g} s: the output discards the sound"
        said = f"{zone.position} s, {ahead:.0f} s further than {LEAPS[-1]:g} s ago"
        evidence = Evidence(PLACE, read_from(zone, PLACE), zone.at, said)
    else:
        return Verdict(recheck_at=view.now + 1)
    by_hand = "kill its process if it does not stop"
    killed = restart_remedies(zone, "restart it with SIGKILL if it does not stop", "kill", by_hand)
    remedies = (Remedy("stop it", "stop", zone.id), *killed)
    finding = Finding("ZONE-RUNAWAY", Severity.CRIT, zone.id, cause, (evidence,), "", remedies)
    return Verdict((finding,), recheck_at=view.now + 2)


def _ahead(zone: Zone, view: View) -> float:
    """How many seconds its position advanced, if it ran ahead of the clock in every interval of LEAPS; else 0. A seek
    is only one leap. An interval in which `_gain` cannot tell does not count; at least two must."""
    past = [zone, *(view.ago(zone.id, seconds) for seconds in LEAPS)]
    gains = [gain for later, earlier in itertools.pairwise(past) if (gain := _gain(later, earlier)) is not None]
    if len(gains) < 2 or any(came <= FAST * seconds for came, seconds in gains):
        return 0.0
    return sum(came for came, _ in gains)


def _gain(later: Resource | None, earlier: Resource | None) -> tuple[float, float] | None:
    """How far the position advanced, and in what time; within one track if the player does not report `passed`."""
    if not (isinstance(later, Zone) and isinstance(earlier, Zone)) or later.at - earlier.at < LEAPS[0] / 2:
        return None
    if isinstance(later.position, Unknown) or isinstance(earlier.position, Unknown):
        return None
    if later.state != earlier.state:
        return None
    came = later.position - earlier.position
    if not isinstance(later.passed, Unknown) and not isinstance(earlier.passed, Unknown):
        came += later.passed - earlier.passed
    elif (later.track, later.jumps) != (earlier.track, earlier.jumps):
        return None
    return (came, later.at - earlier.at) if came >= 0 else None  # restarted, but not reported yet


def underruns(zone: Zone | Gone, view: View) -> Verdict:
    """Its sound has gaps: within one track its PCM starts again and again, because its buffer has run dry."""
    pcm = view.follow(zone, "pcm")
    if isinstance(zone, Gone) or not isinstance(pcm, Pcm) or zone.state != "playing" or pcm.state == CLOSED:
        return Verdict()
    if isinstance(pcm.begun, Unknown):
        return Verdict(undecided=True)
    (since, before), (moved, _) = view.since(zone, "state", "track", "jumps"), view.since(zone, "position")
    if view.now - since < GAPS[-1]:  # it started again because of a new track or a seek
        return Verdict(undecided=before is not None, recheck_at=since + GAPS[-1])
    past = [then.begun for then in (view.ago(pcm.id, seconds) for seconds in GAPS) if isinstance(then, Pcm)]
    starts = {begun for begun in (pcm.begun, *past) if not isinstance(begun, Unknown)}
    if len(starts) <= len(GAPS) or view.now - moved >= STILL:  # `stalled` reports the latter
        return Verdict()
    cause = f"its sound has gaps: the buffer of PCM {pcm.name} runs dry again and again"
    path = next((item.read_from for item in pcm.evidence), "")
    evidence = Evidence("trigger_time", path, pcm.at, f"{len(starts)} different ones within {GAPS[-1]:g} s")
    remedies = (
        Remedy("find what uses the CPU (top); give the player a longer buffer (audio/buffer_time)"),
        Remedy("or move its board to a hub of its own"),
    )
    doubt = "whether the player, the machine or the USB bus is too slow"
    return Verdict(
        (Finding("ZONE-UNDERRUNS", Severity.WARN, zone.id, cause, (evidence, *pcm.evidence), doubt, remedies),)
    )


PACE_RULES = (Rule("runaway", "zone", runaway), Rule("underruns", "zone", underruns))
