"""The project's own programs in the guest: `foh` for programs, and on a terminal."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.patience import A_TEST, BOUND
from tests.terminal import FOH, ROOT, Terminal

WELL = ("0 CRIT 0 warn", "9/9")


class Foh:
    """`foh` with a venue file and a journal of its own."""

    def __init__(self, folder: Path) -> None:
        self.env = {"FOH_VENUE": str(folder / "venue.toml"), "FOH_STATE": str(folder / "state")}
        self._venue = folder / "venue.toml"
        self._venue.write_text("")

    def configure(self, text: str) -> None:
        self._venue.write_text(text)

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        env, command = {**os.environ, **self.env}, [*FOH, *arguments, f"--wait={BOUND:.0f}"]
        return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=A_TEST)

    def status(self) -> Report:
        ran = self("status", "--json")
        assert ran.returncode in (0, 1, 2, 3), ran.stderr
        return Report(json.loads(ran.stdout))

    def opened(self) -> set[str]:
        """The codes of all incidents that have been written down."""
        with contextlib.closing(sqlite3.connect(Path(self.env["FOH_STATE"]) / "journal.sqlite")) as journal:
            rows = journal.execute("SELECT subject FROM entry WHERE what = 'opened'").fetchall()
        return {subject.rpartition(" ")[2] for (subject,) in rows}

    def console(self, columns: int = 160, rows: int = 48) -> Terminal:
        return Terminal(FOH, columns, rows, self.env)


def trouble(console: Terminal) -> tuple[str, str]:
    """What the screen's head says of trouble, and of boards."""
    head = "\n".join(console.screen()[:3])
    counts, boards = re.search(r"\d+ CRIT +\d+ warn", head), re.search(r"boards (\S+)", head)
    return re.sub(" +", " ", counts[0]) if counts else "", boards[1] if boards else ""


class Report:
    """What `foh status --json` said."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self.said = said

    def rows(self, kind: str) -> dict[str, dict[str, Any]]:
        """The resources of a kind by their local name."""
        return {row["id"]["local"]: row for row in self.said["resources"].get(kind, [])}

    @property
    def incidents(self) -> list[tuple[str, str]]:
        """Code and root of each."""
        return sorted((each["code"], each["root"]) for each in self.said["incidents"])

    def linked(self, row: Mapping[str, Any], relation: str, kind: str) -> str:
        """The local name of the row of that kind to which a link of this row leads."""
        wanted = [link["to"] for link in row["links"] if link["relation"] == relation]
        (found,) = [local for local, other in self.rows(kind).items() if any(key in other["keys"] for key in wanted)]
        return found
