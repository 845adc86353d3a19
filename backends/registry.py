"""Finds the backends, built-in and third-party, by the entry-point group `foh.backends`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec

from backends.contract import Backend, Context, Health, Remedy, Source, State, clean
from backends.failures import health_of
from backends.runtime import SourceIO

GROUP = "foh.backends"


def names() -> tuple[str, ...]:
    """The names of the installed backends. Imports none."""
    return tuple(_installed())


def load(name: str) -> Backend:
    """Imports one backend. Raises KeyError (no such name) or what its import raises."""
    return _imported(_installed()[name])


def load_all() -> tuple[list[Backend], dict[str, Health]]:
    """Every backend that can be imported, and a Health for each that cannot."""
    loaded: list[Backend] = []
    broken: dict[str, Health] = {}
    for name, entry in _installed().items():
        try:
            loaded.append(_imported(entry))
        except Exception as error:  # noqa: BLE001  (a broken third-party package must not stop the rest)
            broken[name] = Health(State.ABSENT, f"{name}: {clean(error)}", Remedy("run `foh doctor`"))
    return loaded, broken


def _installed() -> dict[str, EntryPoint]:
    """The entry points by name. Takes 8 ms, because it searches every installed package."""
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP))}


def _imported(entry: EntryPoint) -> Backend:
    backend = entry.load()
    if not isinstance(backend, Backend):
        raise TypeError(f"{entry.value} is not a backends.contract.Backend")
    return backend


async def discover(
    backend: Backend, host: str, section: Mapping[str, Any], environ: Mapping[str, str], known: Sequence[Source] = ()
) -> tuple[Sequence[Source], Health]:
    """The backend's sources on this host. Returns a failure as a Health.

    Raises msgspec.ValidationError when `section` does not fit the backend's settings.
    """
    settings = msgspec.convert(section, backend.settings)
    io = SourceIO(f"{backend.name} discovery")
    try:
        async with asyncio.timeout(5):
            return await backend.discover(Context(host, settings, environ, tuple(known)), io), Health()
    except Exception as error:  # noqa: BLE001  (returned as a Health; the other backends continue)
        return (), health_of(error)
    finally:
        io.close()
