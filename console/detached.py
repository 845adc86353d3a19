"""`foh run NUMBER`: the process of a run that lasts, with a venue of its own, started by `launch`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys

import msgspec

from console.launch import Order, read
from console.options import USAGE
from console.session import open_session
from console.venue.outcome import Outcome
from console.venue.owner import lives, owner

PARENT = 0.5  # seconds between two looks whether the console is there whose venue this is
WITH_IT = "the embedded venue ended with its console before this finished"


async def run(args: argparse.Namespace) -> int:
    """Exit status 0 where what was expected was observed."""
    try:
        order = read(sys.stdin.buffer.read())
    except msgspec.MsgspecError:
        print("foh run: only foh itself starts this, with its configuration on standard input", file=sys.stderr)
        return USAGE
    if order.config.embedded and not lives(order.owner):
        return 1
    with contextlib.suppress(OSError):  # it has been removed: nothing relative to it is there
        os.chdir(order.folder)
    session = await open_session(lambda: order.config)
    journal, runs, loop = session.venue.journal, session.venue.runs, asyncio.get_running_loop()
    await journal.open()
    row = await journal.take_over(args.number, order.owner, owner())
    plan = row.planned if row else None
    if row is None or plan is None:
        await journal.close()
        return 1
    carrying, ending = runs.adopt(row, plan), set[asyncio.Task[None]]()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # as a console ends: with time to finish
        loop.add_signal_handler(number, lambda: ending.add(asyncio.create_task(runs.finish())))
    venue, console = asyncio.create_task(session.run()), asyncio.create_task(_end_with_console(order, carrying))
    await asyncio.wait({carrying, venue}, return_when=asyncio.FIRST_COMPLETED)
    await runs.finish()
    for task in (venue, console):
        task.cancel()
    await asyncio.wait({venue, console})
    return 0 if carrying.result().ok else 1


async def _end_with_console(order: Order, carrying: asyncio.Task[Outcome]) -> None:
    """The embedded venue ends with its console: so does what is done in it."""
    while order.config.embedded:
        if not lives(order.owner):
            carrying.cancel(WITH_IT)
        await asyncio.sleep(PARENT)
