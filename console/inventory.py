"""The venue file that `foh init` writes: what is seen now becomes what is expected."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import tomllib
from pathlib import Path

import msgspec
import tomlkit
from tomlkit.items import Array

from backends.contract import Resource
from console.config import Config, ConfigError, of_table
from console.venue.venue import Venue

HEAD = "What this venue should have. Written by `foh init`; edit it as you like."


class Unwritable(Exception):
    """What would be written could not be read again; why."""


def write(file: Path, text: str) -> Path | None:
    """Makes this text the venue file, once it is proved to be one, and keeps the file that was there: returns where, or
    None if there was none, or the same. Raises Unwritable, OSError."""
    try:
        data = text.encode("utf-8")
        of_table(tomllib.loads(data.decode("utf-8")), file, text, {"FOH_STATE": "/"})
    except (UnicodeEncodeError, tomllib.TOMLDecodeError, ConfigError) as error:
        raise Unwritable(str(error)) from error
    file = file.resolve()  # a link stays one
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists() and file.read_bytes() == data:
        return None
    fresh = file.with_name(f"{file.name}.new")
    try:
        with fresh.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        kept = _keep(file, fresh) if file.exists() else None
        fresh.replace(file)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise
    return kept


def _keep(file: Path, fresh: Path) -> Path:
    """Copies the file beside itself, under a name that is free, and gives its mode to the one that takes its place."""
    kept = file.with_name(f"{file.name}.bak")
    if kept.exists():
        stem = f"{file.name}.{time.strftime('%Y%m%d-%H%M%S')}"
        kept = next(
            each for n in range(1000) if not (each := file.with_name(f"{stem}{f'-{n}' * (n > 0)}.bak")).exists()
        )
    shutil.copy2(file, kept)
    shutil.copymode(file, fresh)
    return kept


def venue_toml(venue: Venue, config: Config) -> str:
    """The venue file as it is, with the present venue as its inventory. What an operator wrote into it stays: comments,
    names, joins, the backends' sections and the order of it all."""
    file = tomlkit.parse(config.text)
    if not config.text:
        _begin(file, config)
    found = sorted((r for r in venue.state.current.values() if _is_missed(venue, r)), key=lambda r: r.id)
    file["host"] = config.host
    _list(file, [str(resource.id) for resource in found])
    names = file.setdefault("names", tomlkit.table())
    for resource in found:
        short = f"{resource.id.kind}/{resource.id.local}"
        if resource.name != resource.id.local and short not in names:
            names[short] = resource.name
    return tomlkit.dumps(file)


def _begin(file: tomlkit.TOMLDocument, config: Config) -> None:
    """A file that was not there: everything that was configured elsewhere."""
    file.add(tomlkit.comment(HEAD))
    file["host"] = config.host
    file["inventory"] = tomlkit.array()
    if config.venue.names:
        file["names"] = config.venue.names
    if config.venue.joins:
        file["joins"] = [msgspec.structs.asdict(join) for join in config.venue.joins]
    for name, section in config.sections.items():
        file[name] = section


def _list(file: tomlkit.TOMLDocument, ids: list[str]) -> None:
    """Makes these the inventory. What is in it already keeps its line, and the comment behind it."""
    inventory = file.get("inventory")
    if not isinstance(inventory, Array):
        file["inventory"] = inventory = tomlkit.array()
    for gone in [id for id in inventory if id not in ids]:
        inventory.remove(gone)
    listed = set(inventory)
    for id in ids:
        if id not in listed:
            inventory.append(id)
    if "\n" not in inventory.as_string():
        inventory.multiline(len(inventory) > 3)


def _is_missed(venue: Venue, resource: Resource) -> bool:
    """Whether anybody would miss it. What a pane does not show (PCMs, controls) goes and comes with something that
    it does; what is transient passes by itself."""
    kind = venue.state.kinds.get(resource.id.kind)
    return kind is not None and bool(kind.pane) and not kind.transient
