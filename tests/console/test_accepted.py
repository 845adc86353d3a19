"""What an operator has accepted lasts until it is taken back, expires, or its incident is gone: over every start."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backends.clock import MACHINE
from backends.contract import Backend, Finding, Health, Id, Observation, Rule, Severity, State, Verdict, View
from backends.kinds import ZONE, Zone
from console.venue.feed import Control
from console.venue.incidents import Incident
from console.venue.journal import Journal
from console.venue.journal_schema import SCHEMA
from console.venue.state import VenueState
from console.venue.venue import Venue
from tests import fleet
from tests.patience import BOUND, until_async

BAR = Id("h", "zone", "bar")
KEY = (BAR, "SILENT")
WELL = Health()
WORSE = {"stopped": Severity.WARN, "gone mad": Severity.CRIT}


def judge(zone: object, view: View) -> Verdict:
    match zone:
        case Zone(state="playing"):
            return Verdict()
        case Zone(state=str(state)) if state in WORSE:
            return Verdict((Finding("SILENT", WORSE[state], BAR, "it is silent"),))
    return Verdict(undecided=True)


class Script:
    """A feed of one source that says what the test says."""

    control: Control | None = None

    def __init__(self) -> None:
        self.said = asyncio.Queue[list[Observation]]()

    async def start(self) -> tuple[list[Backend], int]:
        async def none(*args: object) -> list[object]:
            return []

        return [Backend("players", (ZONE,), (Rule("silent", "zone", judge),), none, lambda context: ())], 1  # type: ignore[arg-type]

    async def batches(self) -> AsyncIterator[list[Observation]]:
        while True:
            yield await self.said.get()

    async def stop(self) -> None:
        pass


@contextlib.asynccontextmanager
async def foh(folder: Path, state: str, health: Health = WELL) -> AsyncIterator[Venue]:
    """A start of foh, in which a zone is so from the first moment, until it has been judged."""
    venue, feed = Venue(VenueState("h"), Journal(folder / "j.sqlite")), Script()
    zone = Zone(id=BAR, name="bar", state=state)
    seen = Observation(source=fleet.source("s", "h"), at=MACHINE.now(), upserts=(zone,), health=health, complete=True)
    feed.said.put_nowait([seen])
    running = asyncio.create_task(venue.run(feed))
    try:
        await until_async(lambda: BAR in venue.state.current and venue.complete)
        yield venue
    finally:
        running.cancel()
        await asyncio.wait({running})


async def start(folder: Path, state: str, health: Health = WELL) -> Incident | None:
    async with foh(folder, state, health) as venue:
        return venue.incidents.open.get(KEY)


def words(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "j.sqlite") as db:
        return [what for (what,) in db.execute("SELECT what FROM entry ORDER BY id")]


def who(incident: Incident | None) -> str:
    assert incident
    return incident.acked_by


async def test_an_acknowledgement_lasts_over_every_start_and_the_incident_is_opened_once(tmp_path: Path) -> None:
    async with foh(tmp_path, "stopped") as venue:
        opened = venue.incidents.open[KEY].opened
        venue.acknowledge(KEY, "ann")
    for _ in range(4):
        incident = await start(tmp_path, "stopped")
        assert who(incident) == "ann"
        assert incident
        assert incident.opened == pytest.approx(opened, abs=BOUND)
    assert words(tmp_path) == ["opened", "acked"]


async def test_it_ends_when_it_is_taken_back(tmp_path: Path) -> None:
    async with foh(tmp_path, "stopped") as venue:
        venue.acknowledge(KEY, "ann")
        venue.acknowledge(KEY, "eva")
    assert who(await start(tmp_path, "stopped")) == ""
    assert words(tmp_path) == ["opened", "acked", "unacked"]


async def test_a_silence_and_an_acknowledgement_do_not_undo_each_other(tmp_path: Path) -> None:
    async with foh(tmp_path, "stopped") as venue:
        venue.silence(KEY, "eva", 3600)
        venue.acknowledge(KEY, "ann")
    async with foh(tmp_path, "stopped") as venue:
        assert venue.incidents.open[KEY].is_silenced(venue.clock.now() + 1800)
        assert not venue.incidents.open[KEY].is_silenced(venue.clock.now() + 3600)
        assert who(venue.incidents.open[KEY]) == "ann"


async def test_it_ends_with_its_incident_though_nobody_was_looking(tmp_path: Path) -> None:
    async with foh(tmp_path, "stopped") as venue:
        venue.acknowledge(KEY, "ann")
    assert await start(tmp_path, "playing") is None
    assert words(tmp_path) == ["opened", "acked", "cleared"]
    assert who(await start(tmp_path, "stopped")) == ""
    assert words(tmp_path) == ["opened", "acked", "cleared", "opened"]


async def test_what_became_unknown_ends_nothing(tmp_path: Path) -> None:
    async with foh(tmp_path, "stopped") as venue:
        venue.acknowledge(KEY, "ann")
    assert await start(tmp_path, "playing", Health(State.REFUSED, "nothing listens there")) is None
    assert await start(tmp_path, "?") is None  # undecided
    assert who(await start(tmp_path, "stopped")) == "ann"


async def test_worse_than_what_was_accepted_is_not_accepted(tmp_path: Path) -> None:
    async with foh(tmp_path, "stopped") as venue:
        venue.acknowledge(KEY, "ann")
    assert who(await start(tmp_path, "gone mad")) == ""
    assert who(await start(tmp_path, "stopped")) == ""
    assert words(tmp_path)[:3] == ["opened", "acked", "changed"]


async def test_what_an_older_foh_wrote_is_remembered(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "j.sqlite") as db:
        db.executescript(SCHEMA.partition("CREATE TABLE IF NOT EXISTS incident")[0] + "PRAGMA user_version = 1")
        for what, name in (("opened", "foh"), ("acked", "ann")):
            values = (1.0, name, what, f"{BAR} SILENT", "it is silent", "{}")
            db.execute("INSERT INTO entry (at, who, what, subject, text, data) VALUES (?, ?, ?, ?, ?, ?)", values)
    assert who(await start(tmp_path, "gone mad")) == "ann"
