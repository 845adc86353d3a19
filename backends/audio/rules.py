"""The rules about zones and mixers: they compare what a player says with what its PCM does."""

from __future__ import annotations

from backends.contract import (
    Evidence,
    Finding,
    Gone,
    Id,
    Remedy,
    Resource,
    Rule,
    Severity,
    Unknown,
    Verdict,
    View,
    Why,
)
from backends.kinds import LOG, PLACE, PLAYBACK, PROCESS, Board, Control, Pcm, Zone

STILL = 3.0  # seconds without movement before a playing zone counts as silent
BEGINNING = 5.0  # seconds that playback may take to start after a new track or a seek: a stream fills its buffer first
LET_GO = 2.0  # seconds that a zone, or another program, may take to close its PCM
STARTING = 2.5  # seconds that a player's frontends may take to start one after another
CLOSED = "closed"
FAULTS = {  # a zone's `fault`: the cause in words, and what to do
    "device busy": ("another program holds its sound card", "find it (sudo fuser -v /dev/snd/pcm*), and stop it"),
    "device lost": ("its device was disconnected", "plug its board in again, then restart playback"),
    "device cannot be opened": (
        "its device cannot be opened",
        "check that the device in audio/output exists (aplay -L), and that the player's user may open it",
    ),
    "sound server gone": ("its sound server is gone", "start the sound server again, then restart playback"),
    "output unknown": ("it has no such output", "correct audio/output in its configuration, and restart it"),
    "no decoder or no such sink": (
        "it has no decoder for its track, or the sink in audio/output does not exist",
        "check that the sink exists (pactl list short sinks); if so, install the decoder that its log names",
    ),
}


def stalled(zone: Zone | Gone, view: View) -> Verdict:
    """Says playing, but its position does not move: the sound has stopped."""
    if isinstance(zone, Gone):
        return Verdict()
    if isinstance(zone.state, Unknown) or isinstance(zone.position, Unknown):
        return Verdict(undecided=zone.state == "playing" or isinstance(zone.state, Unknown))
    if zone.state != "playing":
        return Verdict()
    begun, earlier = view.since(zone, "state", "track", "jumps")
    still, before = view.since(zone, "state", "track", "jumps", "position")
    lost = lost_end(zone, view)
    if lost and view.now - lost.since < STILL:  # it may return, for example when it is plugged in again
        return Verdict(undecided=True, recheck_at=lost.since + STILL)
    patience = BEGINNING if earlier and still == begun else STILL
    if zone.at - still < patience:  # not seen still for that long, or not read again since
        moved = isinstance(before, Zone) and not isinstance(before.position, Unknown)
        return Verdict(undecided=not moved, recheck_at=view.now + 1)
    said = f"{zone.position} s, and the same {patience:g} s later"
    evidence = Evidence(PLACE, read_from(zone, PLACE), zone.at, said)
    return Verdict(_silent(zone, evidence, view, begun if earlier else None), recheck_at=view.now + 2)


def _silent(zone: Zone, evidence: Evidence, view: View, begun: float | None) -> tuple[Finding, ...]:
    """Why the sound has stopped, by the state of its PCM. `begun` is when it last started a track or a seek, if that
    was seen: a zone that has not opened its PCM since then still waits for data."""

    def because(
        code: str, cause: str, *remedies: Remedy, blames: Id | None = None, pcm: Pcm | None = None, not_known: str = ""
    ) -> tuple[Finding, ...]:
        proofs = (evidence, *zone.proof(LOG), *(pcm.evidence if pcm else ()))
        text = f"silent: says playing, but {cause}"
        return (Finding(code, Severity.CRIT, zone.id, text, proofs, not_known, remedies, blames),)

    again = Remedy("restart playback", "again", zone.id)
    if lost := lost_end(zone, view):
        return because("ZONE-STALLED", f"{lost.id.kind} {lost.id.local} is gone", again, blames=lost.id)
    pcm = view.follow(zone, "pcm")
    if not isinstance(pcm, Pcm) or isinstance(pcm.state, Unknown):
        cause = f"its position stays at {zone.position} s"
        doubt = "whether the source, the PCM or the board stopped"
        if isinstance(zone.fault, str):
            cause, doubt = known(zone.fault)[0], ""
        return because("ZONE-STALLED", cause, again, not_known=doubt)
    if _other(zone, pcm):
        return ()  # `taken` reports it
    since, _ = view.since(pcm, "state")
    waits = begun is not None and since <= begun and not isinstance(zone.fault, str)
    if pcm.state == CLOSED and not waits:
        cause = f"it closed its sound card {pcm.name}: its output has died"
        if isinstance(zone.fault, str):
            return because("ZONE-OUTPUT-DEAD", f"{cause}, {known(zone.fault)[0]}", again, pcm=pcm)
        return because("ZONE-OUTPUT-DEAD", cause, again, pcm=pcm, not_known="why: its log does not say")
    if pcm.state == "XRUN" or view.now - since < STILL:
        cause = f"its PCM {pcm.name} underruns again and again"
        slower = Remedy("give the player a longer buffer (audio/buffer_time), or move its board to a hub of its own")
        return because("ZONE-XRUN-STORM", cause, slower, pcm=pcm)
    if pcm.state == "RUNNING" and view.now - view.since(pcm, "state", "hw_ptr")[0] >= STILL:
        cause = f"PCM {pcm.name} runs while its hardware pointer stands still: the board accepts no data"
        remedies = (_replug(pcm, view), again, *restart_remedies(zone, "restart the zone if it does not react", "kill"))
        return because("PCM-STUCK", cause, *remedies, blames=pcm.id, pcm=pcm)
    cause = "no data arrives from its source: the stream's server or the network hangs"
    return because("ZONE-SOURCE-STALLED", cause, Remedy("go to the next track", "next", zone.id), again, pcm=pcm)


def _replug(pcm: Pcm, view: View) -> Remedy:
    """Through the console if the board is known, else by hand."""
    if isinstance(board := view.follow(pcm, "board"), Board):
        return Remedy("reset the board's USB port, then restart playback", "replug", board.id)
    return Remedy("unplug the board and plug it in again, then restart playback")


def restart_remedies(zone: Zone, text: str, how: str = "", otherwise: str = "") -> tuple[Remedy, ...]:
    """Through its systemd unit if that is offered; else `otherwise`, as text ("": nothing)."""
    if zone.offer("restart"):
        return (Remedy(text, "restart", zone.id, {"how": how} if how else {}),)
    return (Remedy(otherwise),) if otherwise else ()


def failed(zone: Zone | Gone, view: View) -> Verdict:
    """Its output could not be opened for playback: the player is "stopped" again, and only its log says why."""
    if isinstance(zone, Gone) or isinstance(zone.state, Unknown):
        return Verdict(undecided=isinstance(zone, Zone))
    if isinstance(zone.fault, Unknown):
        return Verdict(undecided=zone.fault.why in (Why.NOT_YET, Why.UNREACHABLE))
    pcm = view.follow(zone, "pcm")
    if zone.state == "playing" or (isinstance(pcm, Pcm) and _other(zone, pcm)):
        return Verdict()  # `stalled` or `taken` reports it
    cause, remedy = known(zone.fault)
    remedies, lost = (Remedy(remedy), Remedy("play again", "play", zone.id)), lost_end(zone, view)
    finding = Finding(
        "ZONE-OUTPUT-FAILED", Severity.WARN, zone.id, f"could not play: {cause}", zone.proof(LOG), "", remedies,
        lost.id if lost else None,
    )  # fmt: skip
    return Verdict((finding,))


def known(fault: str) -> tuple[str, str]:
    """The cause and what to do; players of another backend may have other faults."""
    return FAULTS.get(fault, (f"its output has failed: {fault}", "read its log"))


def lost_end(zone: Zone, view: View) -> Gone | None:
    """The farthest link of zone -> PCM -> board that is gone."""
    lost: Gone | None = None
    here: Resource | Gone = zone
    for relation in ("pcm", "board"):
        there = view.follow(here, relation) or view.follow(zone, relation)
        if there is None:
            continue
        if isinstance(there, Gone):
            lost = there
        here = there
    return lost


def taken(zone: Zone | Gone, view: View) -> Verdict:
    """Another program has its PCM open: the zone cannot play, even if it says playing."""
    pcm = view.follow(zone, "pcm")
    if isinstance(zone, Gone) or not isinstance(pcm, Pcm) or isinstance(pcm.state, Unknown):
        return Verdict(undecided=isinstance(pcm, Pcm))
    if not _other(zone, pcm):
        return Verdict()
    since, before = view.since(pcm, "owner")
    if view.now - since < LET_GO:
        return Verdict(undecided=before is None, recheck_at=since + LET_GO)
    program = pcm.program if isinstance(pcm.program, str) else "a program"
    verb = "silent" if zone.state == "playing" else "cannot play"
    cause = f"{verb}: {program} ({pcm.owner}) holds its sound card {pcm.name}"
    severity = Severity.CRIT if zone.state == "playing" else Severity.WARN
    remedy = Remedy(f"find out what it is (ps -fp {pcm.owner}), and stop it")
    evidence = (*pcm.evidence, *zone.proof(PROCESS), *zone.proof(LOG))
    return Verdict((Finding("ZONE-TAKEN", severity, zone.id, cause, evidence, "", (remedy,)),))


def _other(zone: Zone, pcm: Pcm) -> bool:
    """Whether another process is known to own the PCM. With a sound server or a mixing plugin it always does."""
    direct = isinstance(zone.output, str) and "hw:" in zone.output
    both = isinstance(pcm.owner, int) and isinstance(zone.pid, int)
    return direct and both and pcm.state != CLOSED and pcm.owner != zone.pid


def held(zone: Zone | Gone, view: View) -> Verdict:
    """Stopped with its PCM still open, so that the amplifier cannot sleep: Mopidy does so when its queue has ended by
    itself (mopidy#1602)."""
    pcm = view.follow(zone, "pcm")
    if isinstance(zone, Gone) or not isinstance(pcm, Pcm):
        return Verdict()
    if isinstance(zone.state, Unknown) or isinstance(pcm.state, Unknown):
        return Verdict(undecided=True)
    if zone.state != "stopped" or pcm.state == CLOSED or pcm.owner != zone.pid or not isinstance(pcm.owner, int):
        return Verdict()
    (since, before), (opened, other) = view.since(zone, "state"), view.since(pcm, "owner")
    if view.now - max(since, opened) < LET_GO:
        return Verdict(undecided=not (before and other), recheck_at=max(since, opened) + LET_GO)
    cause = f"stopped, but still holds its sound card {pcm.name} open: its amplifier stays on"
    evidence = (*zone.proof(PLAYBACK), *pcm.evidence)
    remedies = (Remedy("release the sound card", "release", zone.id),)
    return Verdict((Finding("ZONE-HOLDS-PCM", Severity.WARN, zone.id, cause, evidence, "", remedies),))


def unreachable(zone: Zone | Gone, view: View) -> Verdict:
    """Phones cannot reach it: its MPD frontend is configured and does not answer. Mopidy keeps running without it, for
    example when its port was taken."""
    if isinstance(zone, Gone) or isinstance(zone.state, Unknown):
        return Verdict(undecided=isinstance(zone, Zone))
    if not isinstance(zone.mpd, Unknown) or zone.mpd.why not in (Why.UNREACHABLE, Why.MALFORMED):
        return Verdict()
    since, before = view.since(zone, "mpd")
    if view.now - since < STARTING:
        return Verdict(undecided=before is None, recheck_at=since + STARTING)
    cause = f"phones cannot reach it: {zone.mpd.detail}"
    lines = [line for line in zone.log if "MPD" in line] if isinstance(zone.log, tuple) else []
    logged = [Evidence(LOG, "its log", zone.at, line) for line in lines[:1]]
    asked = Evidence("MPD frontend", "a connection to it, and its process's sockets", zone.at, zone.mpd.detail)
    evidence, doubt = (asked, *logged), "" if logged else "why: its log does not say"
    text = "find the program that uses the port (sudo ss -ltnp), stop it or change the port, and restart the zone"
    remedies = restart_remedies(zone, text, otherwise=text)
    return Verdict((Finding("ZONE-NO-MPD", Severity.WARN, zone.id, cause, evidence, doubt, remedies),))


def read_from(resource: Resource, name: str) -> str:
    """The place that a resource's evidence of this name was read from ("": it has none)."""
    return next((item.read_from for item in resource.proof(name)), "")


def mixer_silent(control: Control | Gone, view: View) -> Verdict:
    """A mixer's device does not answer while its source does: the sound server behind it is gone, or hangs."""
    if isinstance(control, Gone) or isinstance(control.device, Unknown):  # the latter: the source itself is unwell
        return Verdict()
    if not isinstance(control.mute, Unknown) or control.mute.why is not Why.UNREACHABLE:
        return Verdict()
    since, before = view.since(control, "mute")
    if view.now - since < LET_GO:  # for example while its card is removed
        return Verdict(undecided=before is None, recheck_at=since + LET_GO)
    cause = f"the mixer of {control.device} does not answer: {control.mute.detail}"
    evidence = (Evidence("mute", f"ALSA mixer {control.device}", control.at, control.mute.detail),)
    unknown = "whether it is muted, and how loud it is set"
    remedies = (Remedy("check that the sound server behind it runs"),)
    return Verdict((Finding("MIXER-UNREACHABLE", Severity.WARN, control.id, cause, evidence, unknown, remedies),))


ZONE_RULES = (
    Rule("stalled", "zone", stalled),
    Rule("failed", "zone", failed),
    Rule("taken", "zone", taken),
    Rule("held", "zone", held),
    Rule("unreachable", "zone", unreachable),
)
CONTROL_RULES = (Rule("mixer-silent", "control", mixer_silent),)
