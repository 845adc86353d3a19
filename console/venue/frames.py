"""The wire format with the console's own types of frames: what a recording or another console is given."""

from __future__ import annotations

from collections.abc import Iterable

from backends.contract import KindSpec
from backends.wire import Wire
from console.venue.incidents import Incident
from console.venue.outcome import Outcome


def wire(kinds: Iterable[KindSpec] = ()) -> Wire:
    return Wire(kinds, {"incident": Incident, "outcome": Outcome})
