"""Configuration: `FOH_*` over the venue file over discovery. Every mistake is one sentence with file and line."""

from __future__ import annotations

import json
import os
import re
import socket
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from backends.contract import Id, Key, Link, clean
from backends.failures import in_words
from backends.foreign import read_file

LONGEST = 1 << 20  # bytes of the venue file: an inventory of 10,000 names has half of it


class ConfigError(Exception):
    """One sentence for the operator."""


class Join(Struct, frozen=True, forbid_unknown_fields=True):
    """A link that no system knows of: `of` ("zone/bar": kind and local name, or kind and name) leads by `relation`
    to `to` ("board/1-1.3.2": kind and local name)."""

    of: str
    relation: str
    to: str


class Venue(Struct, frozen=True, forbid_unknown_fields=True):
    """venue.toml without the backends' sections. `names` maps "kind/local" to what people say; `inventory`
    lists the ids that are expected."""

    host: str = ""
    names: dict[str, str] = {}
    joins: list[Join] = []
    inventory: list[str] = []


class Config(Struct, frozen=True):
    """Everything that was configured. `sections` are the backends' own, not yet checked."""

    host: str
    venue: Venue
    sections: dict[str, dict[str, Any]]
    file: Path | None
    text: str
    state: Path
    embedded: bool = False  # everything that it leads to ends with the process that made it

    @property
    def expected(self) -> list[Id]:
        return [Id.parse(text) for text in self.venue.inventory]

    @property
    def joins(self) -> dict[str, tuple[Link, ...]]:
        found: dict[str, tuple[Link, ...]] = {}
        for join in self.venue.joins:
            link = Link(join.relation, Key("id", join.to, self.host), f"{self.file or 'the venue'} says so")
            found[join.of] = (*found.get(join.of, ()), link)
        return found


def venue_file(environ: Mapping[str, str]) -> Path:
    """Where the venue file is, or would be: $FOH_VENUE, else the user's, else the machine's."""
    if explicit := environ.get("FOH_VENUE"):
        return Path(explicit)
    own = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "foh" / "venue.toml"
    machine = Path("/etc/foh/venue.toml")
    return own if own.exists() or not machine.exists() else machine


def load(environ: Mapping[str, str] = os.environ, must_exist: bool = True) -> Config:
    """Reads the venue file, if there is one. One that FOH_VENUE names must exist, or not. Raises ConfigError."""
    file: Path | None = venue_file(environ)
    assert file is not None
    try:
        text = read_file(file, LONGEST).decode("utf-8")
    except FileNotFoundError:
        if must_exist and environ.get("FOH_VENUE"):
            raise ConfigError(f"{file}: no such file (FOH_VENUE names it)") from None
        file, text = None, ""
    except (OSError, ValueError) as error:
        raise ConfigError(clean(f"the venue file cannot be read: {in_words(error)}", 300)) from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        number = line[1] if line else len(text.splitlines())  # tomllib: "at end of document"
        raise ConfigError(f"{file}:{number}: not valid TOML: {error}") from error
    return of_table(table, file, text, environ)


def of_table(table: dict[str, Any], file: Path | None, text: str, environ: Mapping[str, str]) -> Config:
    """A Config from a table as the venue file holds it. Raises ConfigError."""
    known = {field: table[field] for field in Venue.__struct_fields__ if field in table}
    others = {name: value for name, value in table.items() if name not in known}
    try:
        venue = msgspec.convert(known, Venue)
    except msgspec.ValidationError as error:
        raise ConfigError(located(file, text, "", str(error))) from error
    for name, value in others.items():
        if not isinstance(value, dict):
            right = ", ".join(Venue.__struct_fields__)
            raise ConfigError(f"{place(file, text, '', name)}: unknown key `{clean(name)}`; expected {right} "
                              "or a backend's section")  # fmt: skip
    for entry in venue.inventory:
        try:
            Id.parse(entry)
        except ValueError:
            where = place(file, text, "", entry)
            raise ConfigError(f"{where}: `{clean(entry)}` is not an id; expected host/kind/local") from None
    host = environ.get("FOH_HOST") or venue.host or socket.gethostname()
    state = environ.get("FOH_STATE") or Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "foh"
    return Config(clean(host, 60).replace("/", "-"), venue, others, file, text, Path(state))


def settings(config: Config, name: str, type: type[Struct], environ: Mapping[str, str]) -> dict[str, Any]:
    """A backend's section with `FOH_<BACKEND>_<KEY>` laid over it, checked. Raises ConfigError."""
    section = dict(config.sections.get(name, {}))
    if message := _mistake(section, type):
        raise ConfigError(located(config.file, config.text, name, message, type))
    for field in type.__struct_fields__:
        variable = f"FOH_{name}_{field}".upper()
        if variable in environ:
            section[field] = from_environment(environ[variable], section.get(field, _default(type, field)))
            if message := _mistake(section, type):
                raise ConfigError(f"{variable}: {_AT.sub('', message).removesuffix(' - ')}")
    return section


def _mistake(section: Mapping[str, Any], type: type[Struct]) -> str:
    """What does not fit; "" if all does."""
    try:
        msgspec.convert(section, type)
    except msgspec.ValidationError as error:
        return str(error)
    return ""


def from_environment(text: str, like: object) -> object:
    """An environment variable's value: a list by commas where the setting is a list, JSON where it is not text."""
    if isinstance(like, list | tuple):
        return [part.strip() for part in text.split(",") if part.strip()]
    if isinstance(like, str) or like is None:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _default(type: type[Struct], field: str) -> object:
    default = next(f for f in msgspec.structs.fields(type) if f.name == field)
    return default.default_factory() if callable(default.default_factory) else default.default


_UNKNOWN = re.compile(r"unknown field `(.*?)`")
_AT = re.compile(r"at `\$\.?(.*?)`")


def located(file: Path | None, text: str, section: str, message: str, type: type[Struct] = Venue) -> str:
    """A validation error as a sentence that names file, line and what would be right."""
    at = _AT.search(message)
    path = re.sub(r"\[\.*\d*\]", "", at[1]) if at else ""
    unknown = _UNKNOWN.search(message)
    key = unknown[1] if unknown else path.split(".")[-1] or message.partition(": ")[0]
    if unknown:
        owner = Join if path.startswith("joins") and not section else type
        right = ", ".join(owner.__struct_fields__) or "nothing (it has no settings)"
        said = f"unknown key `{clean(key)}`; expected {right}"
    else:
        said = f"`{clean(key)}`: {clean(_AT.sub('', message).removesuffix(' - ').removeprefix(f'{key}: '))}"
    return f"{place(file, text, section, key)}: {said}"


def configured_at(config: Config, address: str) -> str:
    """Where the venue file names a source's address, as `file:line`; "" where it does not."""
    lines = enumerate(config.text.splitlines(), 1)
    return next((f"{config.file}:{number}" for number, line in lines if address and address in line), "")


def place(file: Path | None, text: str, section: str, key: str) -> str:
    """`file:line` of a key in a section, as near as the text tells."""
    inside, best = not section, 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if header := re.match(r"\[+\s*([^\]\s]+)", stripped):
            inside = not section or header[1].strip('"').split(".")[0] == section
            if inside and header[1].strip('"') in (key, section):
                best = best or number
        if inside and key and re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", stripped):
            return f"{file}:{number}"
    return f"{file}:{best or 1}" if file else "configuration"
