"""Which streaming accounts a player's configuration names. Pure; neither a secret nor a user's name leaves here.

One account plays one stream: two zones with the same account stop each other. The player that stops sees only a pause
that it did not ask for (mopidy-spotify#204, #263).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence

OURS = frozenset(("core", "logging", "loglevels", "audio", "proxy", "http", "mpd", "file", "m3u", "stream", "local"))
NAMES = ("username", "user", "email", "login", "auth_token", "access_token", "token", "client_id", "api_key")
OFF = ("false", "no", "off", "0")


def accounts(sections: Iterable[tuple[str, Mapping[str, str]]], salt: bytes) -> tuple[str, ...]:
    """`service mark` of every enabled section that names an account. The mark identifies the account on this machine
    and reveals nothing else: a keyed hash of the user's name or, without one, of the token."""
    found = []
    for service, settings in sections:
        if service in OURS or settings.get("enabled", "true").casefold() in OFF:
            continue
        who = next((settings[name] for name in NAMES if settings.get(name)), "")
        if who:
            mark = hmac.new(salt, f"{service}\0{who.strip().casefold()}".encode(), hashlib.sha256).hexdigest()[:8]
            found.append(f"{service} {mark}")
    return tuple(sorted(found))


def sharers(mine: str, others: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The accounts of `mine` that other players share: account -> sorted addresses of all its players.
    `others` maps every player's address to its accounts, including `mine`."""
    held = {each: sorted(where for where, has in others.items() if each in has) for each in others.get(mine, ())}
    return {account: addresses for account, addresses in held.items() if len(addresses) > 1}
