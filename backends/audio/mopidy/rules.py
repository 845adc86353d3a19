"""The rules and questions about Mopidy zones: rivals for a port, and shared streaming accounts. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from backends.audio.mopidy.players import RIVAL
from backends.audio.mopidy.zone import MopidyZone
from backends.audio.rules import STARTING, restart_remedies
from backends.contract import Evidence, Finding, Gone, Question, Reason, Remedy, Rule, Severity, Unknown, Verdict, View
from backends.kinds import PROCESS, Zone

TOGETHER = 2.0  # seconds within which one zone stops because another begins


def superseded(zone: Zone | Gone, view: View) -> Verdict:
    """An old instance answers: another process was started for its port, and runs without its HTTP frontend."""
    if not isinstance(zone, MopidyZone) or not isinstance(zone.rival, int):
        return Verdict(undecided=isinstance(zone, MopidyZone) and zone.rival == Unknown())
    since, before = view.since(zone, "rival")
    if view.now - since < STARTING:
        return Verdict(undecided=before is None, recheck_at=since + STARTING)
    answers = f"process {zone.pid}" if isinstance(zone.pid, int) else "process of another user"
    cause = f"the old {answers} still answers; the new process {zone.rival} could not take its port"
    by_hand = f"stop both ({zone.pid if isinstance(zone.pid, int) else 'the old'} and {zone.rival}), start the zone"
    both = f"restart the zone; if process {zone.rival} is still there then, stop it (kill {zone.rival})"
    remedies = restart_remedies(zone, both, otherwise=by_hand)
    evidence = zone.proof(PROCESS, RIVAL)
    return Verdict((Finding("ZONE-OLD-INSTANCE", Severity.WARN, zone.id, cause, evidence, "", remedies),))


def account_taken(zone: Zone | Gone, view: View) -> Verdict:
    """It paused when another zone started to play with the same streaming account: one account plays one stream. (Its
    player only pauses: mopidy-spotify#204. A stopped player was stopped by somebody.)"""
    if not isinstance(zone, MopidyZone) or not isinstance(zone.accounts, tuple) or zone.state != "paused":
        return Verdict()
    since, before = view.since(zone, "state")
    if not isinstance(before, Zone) or before.state != "playing":
        return Verdict()  # it was never seen playing
    for account in zone.accounts:
        for other in sharing(zone, account, view):
            began, _ = view.since(other, "state", "jumps")
            if other.state == "playing" and abs(began - since) <= TOGETHER and _play(account, zone, other):
                return Verdict((_collision(zone, other, account, since, began),))
    return Verdict()


def _collision(zone: Zone, other: Zone, account: str, since: float, began: float) -> Finding:
    service = account.partition(" ")[0]
    cause = f"paused when {other.name} started to play: both use one {service} account ({account})"
    seen = Evidence("both", f"{zone.endpoint} and {other.endpoint}", since, f"{abs(began - since):.1f} s apart")
    remedy = Remedy(f"give each zone a {service} account of its own, or stop {other.name}", "stop", other.id)
    doubt = "whether somebody paused it at that moment"
    return Finding("ZONE-ACCOUNT-TAKEN", Severity.WARN, zone.id, cause, (seen,), doubt, (remedy,))


def sharing(zone: Zone, account: str, view: View) -> list[Zone]:
    """The other zones that have this account."""
    relation = f"account {account}"
    first = view.follow(zone, relation)
    hub = first if isinstance(first, Zone) else zone
    found = [hub, *view.back(hub, relation)]
    return [other for other in found if isinstance(other, Zone) and other.id != zone.id]


def _play(account: str, *zones: Zone) -> bool:
    """Whether the current track of each is from the account's service, such as `spotify:track:...`."""
    scheme = f" {account.partition(' ')[0]}:"
    return all(isinstance(zone.track, str) and scheme in zone.track for zone in zones)


def who_shares(zone: Zone, view: View) -> Sequence[Reason]:
    """Which zones have the same streaming accounts."""
    if not isinstance(zone, MopidyZone):
        return ()
    if isinstance(zone.accounts, Unknown):
        return (Reason(f"its accounts are unknown: {zone.accounts.detail}"),)
    found = []
    for account in zone.accounts:
        names = sorted(other.name for other in sharing(zone, account, view))
        also = f"also of {', '.join(names)}: only one of them can play at a time" if names else "of no other zone here"
        found.append(Reason(f"{account}, {also}"))
    return found or (Reason("it has no account"),)


MOPIDY_RULES = (Rule("superseded", "zone", superseded), Rule("account-taken", "zone", account_taken))
MOPIDY_QUESTIONS = (Question("zone", "who shares its accounts?", who_shares),)
