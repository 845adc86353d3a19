"""A venue opened from its configuration: what the screen and the plain commands share."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from functools import partial

from backends import registry
from console.config import Config, ConfigError, configured_at, settings
from console.launch import launch
from console.venue.feed import LocalFeed
from console.venue.journal import Journal
from console.venue.state import VenueState
from console.venue.venue import Venue


def checked(config: Config, environ: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """Every backend's section with the environment laid over it. Raises ConfigError. Imports the backends."""
    known = registry.names()
    for name in config.sections:
        if name not in known:
            where = f"{config.file}" if config.file else "configuration"
            line = next(
                (n for n, text in enumerate(config.text.splitlines(), 1) if text.strip().startswith(f"[{name}")), 1
            )
            raise ConfigError(f"{where}:{line}: unknown backend `{name}`; expected one of {', '.join(known)}")
    backends, _ = registry.load_all()
    return {backend.name: settings(config, backend.name, backend.settings, environ) for backend in backends}


class Session:
    """One venue with its feed and journal."""

    def __init__(self, config: Config, sections: Mapping[str, Mapping[str, object]]) -> None:
        self.config = config
        self.feed = LocalFeed(config.host, sections, os.environ)
        state = VenueState(config.host, config.venue.names, config.joins, partial(configured_at, config))
        self.venue = Venue(state, Journal(config.state / "journal.sqlite"), config.expected)
        self.venue.runs.launch = partial(launch, config)

    async def run(self, read_only: bool = False) -> None:
        await self.venue.run(self.feed, read_only)

    def keep_copy(self, text: str) -> str:
        """Writes what was copied to a file as well, for terminals without OSC 52. Says where, or why not."""
        file = self.config.state / "copied.txt"
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text + "\n", "utf-8")
        except OSError as error:
            return f"copied: {text} (not to a file: {error})"
        return f"copied: {text} (also in {file})"


def _opened(load: Callable[[], Config]) -> tuple[Config, dict[str, dict[str, object]]]:
    config = load()
    return config, checked(config, os.environ)


async def open_session(load: Callable[[], Config]) -> Session:
    """Loads and checks the configuration off the event loop, then opens. Raises ConfigError."""
    return Session(*await asyncio.to_thread(_opened, load))
