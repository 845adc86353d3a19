"""The kind of a Mopidy zone: a common zone with further fields."""

from __future__ import annotations

from typing import Annotated

from backends.contract import Unknown
from backends.declare import field, variant
from backends.kinds import ZONE, Flag, Number, Texts, Zone

_ = Unknown()


class MopidyZone(Zone, frozen=True, kw_only=True, tag="mopidy-zone"):
    """`soft_mute` is the mute of Mopidy's own mixer. `rival` is the pid of another process that was started for its
    port and could not take it. `accounts` are the streaming accounts in its configuration: each a service and a mark
    (accounts.py)."""

    soft_mute: Annotated[Flag, field("software mute")] = _
    rival: Annotated[Number, field("rival for its port")] = _
    accounts: Annotated[Texts, field("streaming accounts")] = _


MOPIDY_ZONE = variant(ZONE, MopidyZone, beside=("account",))
