"""One action on several: who takes part, in which proportion, and what is said of those who did not follow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from backends.clock import MACHINE
from backends.contract import Arg, Expect, Id, Observation, Offer, Plan, Refused, Risk, Step
from backends.kinds import ZONE, Zone
from console.venue import group
from console.venue.journal import Journal
from console.venue.operate import Operator
from console.venue.outcome import Outcome
from console.venue.state import VenueState
from console.venue.venue import Venue
from tests import fleet
from tests.patience import BOUND, until_async

BAR, FOYER, HALL = (Id("h", "zone", name) for name in ("bar", "foyer", "hall"))
BRIEF = 0.1  # seconds that the product gives one that is deaf
PERCENT = Arg("percent", "volume", "%", minimum=0, maximum=100, field="volume")


class Control:
    """Zones whose players obey, save those that are named: `deaf` do nothing, `denied` refuse."""

    def __init__(self, venue: Venue, deaf: frozenset[str], denied: frozenset[str]) -> None:
        self.venue, self.deaf, self.denied = venue, deaf, denied
        self.running, self.most, self.all = 0, 0, 3 - len(denied)

    def see(self, id: Id, volume: int) -> None:
        offers = (Offer(id, "volume", "volume", args=(PERCENT,)), Offer(id, "wipe", "wipe", Risk.DESTRUCTIVE))
        zone = Zone(id=id, name=id.local, state="playing", volume=volume, offers=offers, at=MACHINE.now())
        self.venue.take([Observation(upserts=(zone,), source=fleet.source(id.local, "h"), at=MACHINE.now())])

    async def plan(self, source: Id, offer: Offer, args: Mapping[str, str]) -> Plan:
        if source.local in self.denied:
            raise Refused("already so")
        step = Step(str(offer.target), dict(args), text="do it")
        within = BRIEF if source.local in self.deaf else BOUND
        expect = Expect(offer.target, "volume", int(args.get("percent", 0)), within)
        return Plan(offer, dict(args), (step,), (expect,))

    async def do(self, source: Id, step: Step) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        await until_async(lambda: self.most == self.all, "all are acted on at once")
        self.running -= 1
        if source.local not in self.deaf:
            self.see(Id.parse(step.do), int(str(step.args["percent"])))


async def venue(
    path: Path, deaf: frozenset[str] = frozenset(), denied: frozenset[str] = frozenset()
) -> tuple[Venue, Control]:
    made = Venue(VenueState("h"), Journal(path / "journal"))
    await made.journal.open()
    made.state.add_kinds((ZONE,))
    control = Control(made, deaf, denied)
    made.control = control
    for id, volume in ((BAR, 80), (FOYER, 40), (HALL, 20)):
        control.see(id, volume)
    return made, control


@pytest.mark.parametrize(
    ("values", "wanted", "scaled"),
    [
        ((80, 40, 20), 40, (40, 20, 10)),
        ((80, 40, 20), 100, (100, 50, 25)),
        ((80, 40, 20), 0, (0, 0, 0)),
        ((0, 0, 0), 30, (30, 30, 30)),
        ((33, 1, 0), 66, (66, 2, 0)),
    ],
)
def test_the_largest_is_as_wanted_and_the_others_keep_their_ratio(
    values: tuple[int, ...], wanted: float, scaled: tuple[int, ...]
) -> None:
    ids = (BAR, FOYER, HALL)
    found = group.proportional(dict(zip(ids, values, strict=True)), wanted)
    assert tuple(found[id] for id in ids) == scaled


async def test_what_is_not_given_is_each_ones_own(tmp_path: Path) -> None:
    made, _ = await venue(tmp_path)
    offers = {
        id: Offer(id, "name", "name", args=(Arg("name", "name", default=id.local), Arg("delay", "delay", default="2")))
        for id in (BAR, FOYER)
    }
    assert group.own(offers) == {"name"}
    assert group.spread(made, offers, {"delay": "7"}) == {
        BAR: {"name": "bar", "delay": "7"}, FOYER: {"name": "foyer", "delay": "7"}
    }  # fmt: skip
    await made.journal.close()


@pytest.mark.parametrize("said", ["101", "-1", "x", "", "nan", "inf", "1e400"])
async def test_what_is_no_volume_is_given_to_all_as_it_is(tmp_path: Path, said: str) -> None:
    made, _ = await venue(tmp_path)
    offers = group.offered(made, (BAR, FOYER), "volume")
    assert group.spread(made, offers, {"percent": said}) == {id: {"percent": said} for id in (BAR, FOYER)}
    await made.journal.close()


async def test_all_follow_at_once_and_each_is_written_down(tmp_path: Path) -> None:
    made, control = await venue(tmp_path)
    operator, ids = Operator(made, "me"), (BAR, FOYER, HALL)
    offers = group.offered(made, ids, "volume")
    plans = await group.plan(operator, ids, offers, group.spread(made, offers, {"percent": "40"}))
    outcome = await group.run(operator, plans, lambda text: None)
    assert outcome.ok
    assert outcome.text.startswith("volume: 3 of 3 done; confirmed within ")
    assert [getattr(made.state.current[id], "volume", None) for id in ids] == [40, 20, 10]
    assert control.most == 3
    for id in ids:
        assert [entry.what for entry in await made.journal.about(str(id))] == ["done", "step", "planned"]
    await made.journal.close()


async def test_who_did_not_follow_and_who_was_left_out_is_named(tmp_path: Path) -> None:
    made, _ = await venue(tmp_path, deaf=frozenset({"hall"}), denied=frozenset({"foyer"}))
    operator, ids = Operator(made, "me"), (BAR, FOYER, HALL, Id("h", "zone", "gone"))
    offers = group.offered(made, ids, "volume")
    plans = await group.plan(operator, ids, offers, group.spread(made, offers, {"percent": "10"}))
    assert {id.local: why for id, why in plans.left_out.items()} == {
        "foyer": "already so", "gone": "does not offer it now"
    }  # fmt: skip
    outcome = await group.run(operator, plans, lambda text: None)
    assert not outcome.ok
    assert outcome.text.startswith("volume: 1 of 2 done; did not follow: hall; hall: failed: volume is 20, not 2")
    await made.journal.close()


async def test_nothing_to_do_and_what_destroys_are_refused(tmp_path: Path) -> None:
    made, control = await venue(tmp_path, denied=frozenset({"bar", "foyer"}))
    operator = Operator(made, "me")
    offers = group.offered(made, (BAR, FOYER), "volume")
    given = group.spread(made, offers, {"percent": "10"})
    with pytest.raises(Refused, match=r"^already so$"):
        await group.plan(operator, (BAR, FOYER), offers, given)
    control.denied = frozenset()
    wipe = group.offered(made, (BAR, FOYER), "wipe")
    with pytest.raises(Refused, match="one at a time"):
        await group.plan(operator, (BAR, FOYER), wipe, {BAR: {}, FOYER: {}})
    await made.journal.close()


def test_one_is_said_as_one() -> None:
    assert group.summary("stop", {"bar": Outcome(True, "done: stop")}) == "done: stop"
