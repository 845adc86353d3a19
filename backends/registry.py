"""Which backends there are: built-in ones and strangers', all by the entry-point group `foh.backends`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec

from backends.contract import Backend, Context, Health, Remedy, Source, State, clean
from backends.runtime import SourceIO, health_of

GROUP = "foh.backends"


def names() -> tuple[str, ...]:
    """The installed backends' names. Imports none of them."""
    return tuple(_installed())


def load(name: str) -> Backend:
    """Imports one backend. Raises KeyError (no such name) or whatever its import raises."""
    return _imported(_installed()[name])


def load_all() -> tuple[list[Backend], dict[str, Health]]:
    """Every backend that imports, and for each that does not, what is wrong with it."""
    loaded: list[Backend] = []
    broken: dict[str, Health] = {}
    for name, entry in _installed().items():
        try:
            loaded.append(_imported(entry))
        except Exception as error:  # noqa: BLE001  (a stranger's broken package must not stop the rest)
            broken[name] = Health(State.ABSENT, f"{name}: {clean(error)}", Remedy("run `foh doctor`"))
    return loaded, broken


def _installed() -> dict[str, EntryPoint]:
    """The entry points by name. Finding them takes 8 ms: every installed package is looked at."""
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP))}


def _imported(entry: EntryPoint) -> Backend:
    backend = entry.load()
    if not isinstance(backend, Backend):
        raise TypeError(f"{entry.value} is not a backends.contract.Backend")
    return backend


async def discover(
    backend: Backend, host: str, section: Mapping[str, Any], environ: Mapping[str, str], known: Sequence[Source] = ()
) -> tuple[Sequence[Source], Health]:
    """The backend's sources on this host. A failure is a health, not an exception.

    Raises msgspec.ValidationError when `section` does not fit the backend's settings.
    """
    settings = msgspec.convert(section, backend.settings)
    io = SourceIO(f"{backend.name} discovery")
    try:
        async with asyncio.timeout(5):
            return await backend.discover(Context(host, settings, environ, tuple(known)), io), Health()
    except Exception as error:  # noqa: BLE001  (said as health; the other backends go on)
        return (), health_of(error)
    finally:
        io.close()


def helper(argv: Sequence[str]) -> int:
    """The allow-listed root helper: `foh helper OPERATION ARGUMENTS`, started by sudo. Built-in operations only."""
    from backends import helper
    from backends.audio import player_helper
    from backends.hardware import helper as board_helper

    return helper.main(argv, {**board_helper.operations(), **player_helper.OPERATIONS})
