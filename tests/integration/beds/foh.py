"""`foh` beside a real systemd, on one zone that is a unit of it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.integration.beds.systemd import Manager, Systemd, UnitMopidy, UnitMpd
from tests.terminal import FOH, Terminal


class Foh:
    """`foh` beside this systemd, with one zone, bar, and a journal of its own."""

    who: Sequence[str] = ()  # root

    def __init__(self, systemd: Systemd, folder: Path, zone: UnitMopidy | UnitMpd) -> None:
        self._systemd, self.state = systemd, folder / "journal"
        venue = folder / "venue.toml"
        venue.write_text(f'host = "h"\n[names]\n"zone/{zone.address}" = "bar"\n{zone.section}')
        self.env: Mapping[str, str] = {"FOH_VENUE": str(venue), "FOH_STATE": str(self.state), "USER": "op"}

    def __call__(self, *words: str) -> tuple[int, str]:
        ran = self._systemd.run(*self.who, *FOH, *words, env=self.env)
        return ran.returncode, ran.stdout + ran.stderr

    def act(self, *words: str) -> tuple[int, str]:
        return self("act", "zone/bar", *words)

    def incidents(self) -> list[tuple[str, str, str]]:
        """Code, what is wrong, and what its first remedy does, of each."""
        said = json.loads(self("status", "--json")[1])
        return [(each["code"], each["what"], each["remedies"][0].get("action", "")) for each in said["incidents"]]

    def zone(self) -> dict[str, object]:
        said = json.loads(self("status", "--json")[1])
        row: dict[str, object] = said["resources"]["zone"][0]
        return row

    def console(self) -> Terminal:
        return Terminal(self._systemd.inside(*FOH), 120, 36, self.env)

    def journal(self, *columns: str) -> list[tuple[str, ...]]:
        with contextlib.closing(sqlite3.connect(self.state / "journal.sqlite")) as journal:
            return journal.execute(f"SELECT {', '.join(columns)} FROM entry ORDER BY id").fetchall()


@contextlib.contextmanager
def unit(
    systemd: Systemd, folder: Path, more: str = "", core: str = "", manager: Manager | None = None
) -> Iterator[tuple[UnitMopidy, Foh]]:
    zone = UnitMopidy(manager or systemd, "bar", folder / "bar", more, core)
    try:
        yield zone, Foh(systemd, folder, zone)
    finally:
        zone.stop()


@contextlib.contextmanager
def mpd(systemd: Systemd, folder: Path, more: str = "", socket: bool = False) -> Iterator[tuple[UnitMpd, Foh]]:
    zone = UnitMpd(systemd, folder / "mpd", more, socket)
    try:
        yield zone, Foh(systemd, folder, zone)
    finally:
        zone.stop()
