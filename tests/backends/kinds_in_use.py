"""Every kind that a built-in backend brings."""

from __future__ import annotations

from backends import registry
from backends.contract import KindSpec

KINDS: tuple[KindSpec, ...] = tuple(
    {kind.tag: kind for name in registry.names() for kind in registry.load(name).kinds}.values()
)
