"""What the command palette finds: every action now on offer, and every resource."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text
from textual.command import DiscoveryHit, Hit, Hits, Provider

if TYPE_CHECKING:
    from console.app import Foh
    from console.venue.venue import Venue as State


class Venue(Provider):
    """Commands are `name: action`; without an action, the name opens the resource."""

    def _all(self) -> Iterator[tuple[str, Callable[[], object]]]:
        app: Foh = self.app  # type: ignore[assignment]
        venue = app.venue
        if venue is None:
            return
        for resource in sorted(venue.state.current.values(), key=lambda r: (r.id.kind, r.name)):
            title = f"{resource.id.kind} {resource.name}"
            yield title, partial(app.open_resource, resource.id)
            if not app.read_only:
                for offer in resource.offers:
                    if not offer.blocked:
                        yield f"{title}: {offer.label}", partial(app.start_action, [offer.target], offer.action)
        if not app.read_only:
            yield from self._groups(app, venue)

    def _groups(self, app: Foh, venue: State) -> Iterator[tuple[str, Callable[[], object]]]:
        """The same for all resources of a kind, where more than one can do it now."""
        for kind in venue.state.kinds.values():
            ids = [resource.id for resource in venue.state.of_kind(kind.kind)]
            can = Counter(o.action for id in ids for o in venue.state.current[id].offers if not o.blocked)
            labels = {o.action: o.label for id in ids for o in venue.state.current[id].offers}
            for action, count in can.items():
                if count > 1:
                    yield f"all {kind.plural}: {labels[action]}", partial(app.start_action, ids, action)

    async def discover(self) -> Hits:
        for title, run in self._all():
            yield DiscoveryHit(Text(title), run, title)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, run in self._all():
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, Text(title), run, title)
