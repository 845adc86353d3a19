"""Every action of every resource in the embedded venue: done for real it is seen; not done it is found out."""

from __future__ import annotations

import asyncio
from pathlib import Path

from backends.contract import State
from backends.demo.world import ZONES, World
from backends.testing.acting import Done, act_all
from console.config import of_table
from console.session import Session, checked
from tests.patience import limit
from tests.venue_actor import VenueActor

ACTIONS: dict[str, set[str]] = {
    "zone": {
        "play", "pause", "stop", "again", "next", "previous", "volume", "software-mute", "software-unmute", "release",
    },
    "control": {"mute", "unmute", "level"},
    "stream": {"move"},
    "board": {"let-sleep", "keep-awake", "name-card", "unname-card", "replug", "identify"},
    "capture": {"look"},
    "mixer": {"cut-a", "cut-b", "composite", "live", "blank"},
    "instance": {"start", "stop", "restart", "snapshot", "unfreeze"},
}  # fmt: skip


async def every_action(folder: Path) -> tuple[Done, set[tuple[str, str]]]:
    """What was done, and everything that is offered, blocked or not."""
    async with World(folder, still=True).running() as world:
        world.hosts["alpha"].freeze("dns1")
        world.zones["garden"].player.run_out()
        world.trees.replug(ZONES["kitchen"])  # it plays into nothing until it begins again
        table = world.config()
        config = of_table(table, None, "", {"FOH_STATE": str(folder / "state")})
        session = Session(config, checked(config, {}))
        venue, running = session.venue, asyncio.create_task(session.run())
        try:
            async with limit():
                while not venue.complete or any(health.state is not State.OK for health in venue.state.health.values()):
                    await venue.changed(0.1)
            session.venue.runs.launch = None  # a process of its own would not lie
            done = await act_all(VenueActor(venue, session.feed._runtime.sources))
            offered = {(id.kind, o.action) for id, resource in venue.state.current.items() for o in resource.offers}
            return done, offered | done
        finally:
            running.cancel()
            await asyncio.wait({running})


async def test_every_action_works_and_none_can_lie(tmp_path: Path) -> None:
    done, offered = await every_action(tmp_path)
    assert done == offered, "an action is offered that this test could not take"
    assert done == {(kind, action) for kind, actions in ACTIONS.items() for action in actions}
