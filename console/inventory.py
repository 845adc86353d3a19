"""The venue file that `foh init` writes: what is seen now becomes what is expected. Pure."""

from __future__ import annotations

import json

import msgspec

from backends.contract import Resource
from console.config import Config
from console.venue.venue import Venue


def venue_toml(venue: Venue, config: Config) -> str:
    """The present venue as TOML. Sections and names that were configured are kept."""
    expected = sorted(r.id for r in venue.state.current.values() if _is_missed(venue, r))
    names = dict(config.venue.names)
    for resource in sorted(venue.state.current.values(), key=lambda r: r.id):
        if _is_missed(venue, resource) and resource.name != resource.id.local:
            names.setdefault(f"{resource.id.kind}/{resource.id.local}", resource.name)
    table: dict[str, object] = {"host": config.host, "inventory": [str(id) for id in expected]}
    lines = [
        "# What this venue should have. Written by `foh init`; edit it as you like.",
        *(f"{key} = {_value(value)}" for key, value in table.items()),
        "",
        "[names]",
        *(f"{_value(key)} = {_value(value)}" for key, value in names.items()),
    ]
    for join in config.venue.joins:
        lines += ["", "[[joins]]", *(f"{key} = {_value(value)}" for key, value in msgspec.structs.asdict(join).items())]
    for name, section in config.sections.items():
        lines += ["", f"[{name}]", *(f"{key} = {_value(value)}" for key, value in section.items())]
    return "\n".join(lines) + "\n"


def _is_missed(venue: Venue, resource: Resource) -> bool:
    """Whether anybody would miss it. What a pane does not show (PCMs, controls) goes and comes with something that
    it does; operations pass by themselves."""
    kind = venue.state.kinds.get(resource.id.kind)
    return kind is not None and bool(kind.pane) and resource.id.kind != "operation"


def _value(value: object) -> str:
    """A TOML value. Strings are written as JSON strings, which TOML's basic strings contain."""
    if isinstance(value, list) and len(value) > 3:
        return "[\n" + "".join(f"  {_value(item)},\n" for item in value) + "]"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_value(key)} = {_value(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)
