"""What is judged and told about streaming accounts that several zones have. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from backends.contract import Evidence, Finding, Gone, Question, Reason, Remedy, Rule, Severity, Unknown, Verdict, View
from backends.kinds import Zone

TOGETHER = 2.0  # seconds within which one zone stops because another begins


def account_taken(zone: Zone | Gone, view: View) -> Verdict:
    """It paused as another zone began to play with the same streaming account: one account plays one stream. (A pause
    is all that its player makes of it: mopidy-spotify#204. What is stopped, somebody has stopped.)"""
    if isinstance(zone, Gone) or not isinstance(zone.accounts, tuple) or zone.state != "paused":
        return Verdict()
    since, before = view.since(zone, "state")
    if not isinstance(before, Zone) or before.state != "playing":
        return Verdict()  # nobody saw it playing, so nobody knows what ended that
    for account in zone.accounts:
        for other in sharing(zone, account, view):
            began, _ = view.since(other, "state", "jumps")
            if other.state == "playing" and abs(began - since) <= TOGETHER and _play(account, zone, other):
                return Verdict((_collision(zone, other, account, since, began),))
    return Verdict()


def _collision(zone: Zone, other: Zone, account: str, since: float, began: float) -> Finding:
    service = account.partition(" ")[0]
    cause = f"paused as {other.name} began to play: both use one {service} account ({account})"
    seen = Evidence("both", f"{zone.endpoint} and {other.endpoint}", since, f"{abs(began - since):.1f} s apart")
    remedy = Remedy(f"give each zone a {service} account of its own, or stop {other.name}", "stop", other.id)
    doubt = "whether somebody has paused it at that very moment"
    return Finding("ZONE-ACCOUNT-TAKEN", Severity.WARN, zone.id, cause, (seen,), doubt, (remedy,))


def sharing(zone: Zone, account: str, view: View) -> list[Zone]:
    """The other zones that have this account."""
    relation = f"account {account}"
    first = view.follow(zone, relation)
    hub = first if isinstance(first, Zone) else zone
    found = [hub, *view.back(hub, relation)]
    return [other for other in found if isinstance(other, Zone) and other.id != zone.id]


def _play(account: str, *zones: Zone) -> bool:
    """Whether all of them have a track of the account's service before them, such as `spotify:track:...`."""
    scheme = f" {account.partition(' ')[0]}:"
    return all(isinstance(zone.track, str) and scheme in zone.track for zone in zones)


def who_shares(zone: Zone, view: View) -> Sequence[Reason]:
    """Which zones have the same streaming accounts."""
    if isinstance(zone.accounts, Unknown):
        return (Reason(f"its accounts are not known: {zone.accounts.detail}"),)
    found = []
    for account in zone.accounts:
        names = sorted(other.name for other in sharing(zone, account, view))
        also = f"also of {', '.join(names)}: only one of them can play at a time" if names else "of no other zone here"
        found.append(Reason(f"{account}, {also}"))
    return found or (Reason("it has none"),)


ACCOUNT_RULES = (Rule("account-taken", "zone", account_taken),)
ACCOUNT_QUESTIONS = (Question("zone", "who shares its accounts?", who_shares),)
