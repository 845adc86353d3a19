"""What a change costs in a venue of many resources, in CPU time of this thread: the tables of `make bench`.

python -m tests.bench.scale [SIZE ...]
"""

from __future__ import annotations

import gc
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct, structs

from backends import registry
from backends.clock import MachineClock
from backends.contract import Observation
from backends.kinds import SOURCE
from backends.rules import SOURCE_RULES
from console.panes import header, incidents, resources
from console.panes.titles import PANES
from console.venue.journal import Journal
from console.venue.state import PAST, VenueState
from console.venue.venue import Venue
from tests import fleet

SIZES = (300, 1_000, 3_000, 10_000)
TIMES = 15  # a figure is the median of so many
TROUBLES = 120  # incidents beside which the screen is painted
PANE = 20  # rows of a pane on the screen
CAME_AND_WENT = 100_000


class Stepped(MachineClock):
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


class Figure(Struct, frozen=True):
    """One measured value, and what it may be at most (None: it is only told)."""

    what: str
    value: float
    limit: float | None = None


def venue(size: int, folder: Path) -> Venue:
    """A venue of so many resources, judged by all built-in rules; its zones are seen to play."""
    clock = Stepped()
    made = Venue(VenueState(fleet.HOST), Journal(folder / "journal"), clock=clock)
    backends, broken = registry.load_all()
    assert not broken, broken
    made.state.add_kinds([SOURCE, *(kind for backend in backends for kind in backend.kinds)])
    made.evaluator.add_rules("source", SOURCE_RULES)
    for backend in backends:
        made.evaluator.add_rules(backend.name, backend.rules)
    made.started = clock.now()
    made.awaited = 0
    made.take(list(fleet.fleet(size, clock.now())))
    return made


def milliseconds(run: Callable[[int], object], times: int = TIMES) -> float:
    """The median CPU time of a call, which is given its number."""
    taken = []
    for number in range(times):
        begun = time.thread_time()
        run(number)
        taken.append((time.thread_time() - begun) * 1000)
    return statistics.median(taken)


def position(here: Venue, room: int, by: float) -> Observation:
    """A zone that has played on."""
    at = here.clock.now()
    zone = fleet.room(room, at, 10.0 + by)[0]
    return Observation(source=fleet.source(f"mopidy {room}"), backend="mopidy", at=at, upserts=(zone,), complete=True)


def memory(here: Venue, number: int, at: float, used: int) -> Observation:
    """An instance that uses more memory than before."""
    source = fleet.source(f"lxd server{number // fleet.PER_SERVER}", fleet.place(number).host)
    return Observation(source=source, backend="lxd", at=at, upserts=(fleet.instance(number, at, used),))


def one_change(here: Venue, rooms: int, instances: int) -> Callable[[int], object]:
    def change(number: int) -> None:
        at = here.clock.now()
        here.take(
            [position(here, number % rooms, number + 1), memory(here, number % instances, at, number << 20)][
                number % 2 :
            ][:1]
        )

    return change


def changes(size: int, folder: Path) -> list[Figure]:
    """What one change costs, fifty that come together, and a list that says nothing new."""
    here = venue(size, folder)
    rooms, instances = fleet.rooms_and_instances(size)
    one = milliseconds(one_change(here, rooms, instances), 40)

    def fifty(number: int) -> None:
        at = here.clock.now()
        zones = [position(here, room % rooms, 100.0 + number) for room in range(25)]
        here.take([*zones, *(memory(here, n % instances, at, (200 + number) << 20) for n in range(25))])

    together = milliseconds(fifty)
    return [
        Figure(f"one change among {size}, CPU ms", one, 1.0),
        Figure(f"50 changes together among {size}, CPU ms", together, 15.0),
    ]


def listing(folder: Path) -> Figure:
    """A complete list of 1,000 instances in which nothing is new."""
    here = venue(300, folder)
    at = here.clock.now()
    found = tuple(fleet.instance(number, at) for number in range(1_000))
    first = Observation(source=fleet.source("lxd big"), backend="lxd", at=at, upserts=found, complete=True)
    here.take([first])
    again = [
        structs.replace(first, upserts=tuple(fleet.instance(n, at + number + 1) for n in range(1_000)))
        for number in range(TIMES)
    ]
    return Figure("1,000 instances listed again, CPU ms", milliseconds(lambda number: here.take([again[number]])), 5.0)


def painting(size: int, folder: Path) -> list[Figure]:
    """The header, the incidents and the four panes, with trouble in many of them."""
    here = venue(size, folder)
    _, instances = fleet.rooms_and_instances(size)
    at = here.clock.now()
    failed = [fleet.failure(number, at) for number in range(min(TROUBLES, instances))]
    here.take([Observation(source=fleet.source("lxd trouble"), backend="lxd", at=at, upserts=tuple(failed))])
    here.clock.ahead += 3600  # type: ignore[attr-defined]
    here._judge(set())

    def paint(number: int) -> None:
        now = here.clock.now() + number
        header.header(here, now, 160)
        shown = [incidents.rows(here, now, 160)]
        shown += [resources.rows(here, pane, n, 80) for n, pane in enumerate(PANES, 1)]
        for rows in shown:
            for index in range(min(PANE, len(rows))):
                rows[index]

    troubles = len(here.incidents.open)
    return [
        Figure(f"incidents among {size}", troubles),
        Figure(f"header, incidents and panes at {size}, CPU ms", milliseconds(paint), 5.0),
    ]


def resident() -> int:
    """Bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def weight(folder: Path) -> Figure:
    """What a venue of 10,000 resources holds, beyond one of 300."""
    gc.collect()
    small = venue(300, folder)
    gc.collect()
    before = resident()
    large = venue(10_000, folder)
    gc.collect()
    held = (resident() - before) / (len(large.state.current) or 1)
    del small
    return Figure("memory of one resource of 10,000, bytes", held, 3 * 1024)


def passing(folder: Path) -> list[Figure]:
    """Operations that came and went, after the time for which they are kept."""
    here = venue(300, folder)
    source = fleet.source("lxd passing")

    def wave(first: int) -> None:
        at = here.clock.now()
        came = tuple(fleet.operation(number, at) for number in range(first, first + 100))
        here.take([Observation(source=source, backend="lxd", at=at, upserts=came, complete=True)])
        here.take([Observation(source=source, backend="lxd", at=at, complete=True)])
        here.clock.ahead += 2.0  # type: ignore[attr-defined]

    for first in range(0, 20_000, 100):
        wave(first)
    gc.collect()
    before = resident()
    for first in range(20_000, CAME_AND_WENT, 100):
        wave(first)
    here.clock.ahead += 2 * PAST  # type: ignore[attr-defined]
    here._judge(set())
    gc.collect()
    left = sum(id.kind == "operation" for id in (*here.state.gone, *here.state.current, *here.state._owned))
    return [
        Figure(f"left of {CAME_AND_WENT} operations", left, 0),
        Figure("memory after them, MB more", (resident() - before) / 2**20, 5.0),
    ]


def figures(sizes: Sequence[int]) -> list[Figure]:
    found: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found.append(weight(folder))
        for size in sizes:
            found += changes(size, folder)
        found.append(listing(folder))
        found += painting(3_000, folder)
        found += passing(folder)
    return found


def main(sizes: Sequence[int]) -> int:
    over = 0
    for figure in figures(sizes):
        is_over = figure.limit is not None and figure.value > figure.limit
        over += is_over
        budget = "" if figure.limit is None else f"  budget {figure.limit:g}"
        print(f"{'OVER' if is_over else 'ok  '}  {figure.what:<52} {figure.value:10.2f}{budget}")
    return over


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or SIZES)
