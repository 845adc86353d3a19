"""What the command palette finds: every action now on offer, and every resource."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.message import Message

from console.messages import Act, Open

if TYPE_CHECKING:
    from console.venue.venue import Venue


class Finder(Provider):
    """Commands are `name: action`; without an action, the name opens the resource."""

    venue: ClassVar[Venue | None] = None
    read_only: ClassVar[bool] = True

    @classmethod
    def of(cls, venue: Venue | None, read_only: bool) -> type[Finder]:
        """A class of its own for one venue: Textual makes the object."""
        return type("VenueFinder", (cls,), {"venue": venue, "read_only": read_only})

    def _all(self) -> Iterator[tuple[str, Message]]:
        if self.venue is None:
            return
        for resource in sorted(self.venue.state.current.values(), key=lambda r: (r.id.kind, r.name)):
            title = f"{resource.id.kind} {resource.name}"
            yield title, Open(resource.id)
            if not self.read_only:
                for offer in resource.offers:
                    if not offer.blocked:
                        yield f"{title}: {offer.label}", Act([offer.target], offer.action)
        if not self.read_only:
            yield from self._groups(self.venue)

    def _groups(self, venue: Venue) -> Iterator[tuple[str, Message]]:
        """The same for all resources of a kind, where more than one can do it now."""
        for kind in venue.state.kinds.values():
            ids = [resource.id for resource in venue.state.of_kind(kind.kind)]
            can = Counter(o.action for id in ids for o in venue.state.current[id].offers if not o.blocked)
            labels = {o.action: o.label for id in ids for o in venue.state.current[id].offers}
            for action, count in can.items():
                if count > 1:
                    yield f"all {kind.plural}: {labels[action]}", Act(ids, action)

    def _post(self, message: Message) -> Callable[[], object]:
        return partial(self.app.post_message, message)

    async def discover(self) -> Hits:
        for title, message in self._all():
            yield DiscoveryHit(Text(title), self._post(message), title)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, message in self._all():
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, Text(title), self._post(message), title)
