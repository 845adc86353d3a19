"""The commands without a screen: status, act, doctor, init."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator

from backends.contract import Arg, Id, Refused, Resource, State, clean
from backends.shell import shell
from console.config import ConfigError, venue_file
from console.line import plain
from console.options import USAGE, is_read_only, loader, who
from console.panes import plan as plan_lines
from console.panes.offers import CANCEL
from console.quiet import keep_quiet
from console.session import Session, open_session
from console.venue import group
from console.venue.journal import RunRow
from console.venue.operate import Operator
from console.venue.report import EXIT, report, text
from console.venue.venue import Venue
from console.venue.words import moment

NEED = 1000  # characters of what a backend says of what it needs


def run(command: str, args: argparse.Namespace) -> int:
    """Runs one command. Whatever is wrong with the configuration is one sentence on standard error."""
    from console import detached

    keep_quiet()
    commands = {"status": status, "act": act, "doctor": doctor, "init": init, "run": detached.run}
    try:
        return asyncio.run(commands[command](args))
    except asyncio.CancelledError as cancelled:  # by a signal
        return int(cancelled.args[0]) if cancelled.args else 130
    except ConfigError as error:
        print(f"foh: {error}", file=sys.stderr)
        return USAGE


@contextlib.asynccontextmanager
async def opened(args: argparse.Namespace) -> AsyncIterator[Session]:
    """A session whose every source has said something, or has had its time (`--wait`)."""
    session = await open_session(loader(getattr(args, "demo", False), must_exist=args.command != "init"))
    task = asyncio.create_task(session.run(is_read_only(args)))
    try:
        begun = time.monotonic()
        while not session.venue.complete and time.monotonic() - begun < args.wait:
            if task.done():
                task.result()
            await session.venue.changed(0.1)
        yield session
    finally:
        await session.venue.runs.finish()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def status(args: argparse.Namespace) -> int:
    async with opened(args) as session:
        begun = time.monotonic()
        while session.venue.evaluator.deciding and time.monotonic() - begun < args.wait:  # rules that must see more
            await session.venue.changed(0.1)
        await session.venue.record()
        said = report(session.venue, session.venue.clock.now())
        if args.json:
            import msgspec

            sys.stdout.write(msgspec.json.format(msgspec.json.encode(said), indent=1).decode() + "\n")
        else:
            print("\n".join(text(session.venue, said)))
        return EXIT[said.status]


async def act(args: argparse.Namespace) -> int:
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):  # as SIGINT does: what has begun is not left without an outcome
        loop.add_signal_handler(number, task.cancel, 128 + number)
    try:
        given = dict(pair.split("=", 1) for pair in args.args)
    except ValueError:
        print("foh act: arguments are NAME=VALUE, such as percent=40", file=sys.stderr)
        return USAGE
    async with opened(args) as session:
        venue = session.venue
        targets = find(venue.state.current, args.target or "")
        if not targets:
            print(f"foh act: nothing here is called {clean(args.target or '')!r}; it could be:", file=sys.stderr)
            for resource in sorted(venue.state.current.values(), key=lambda r: r.id):
                if resource.offers:
                    print(f"  {resource.id.kind}/{resource.name}", file=sys.stderr)
            for source, health in sorted(venue.state.health.items()):
                if health.state is not State.OK:
                    print(f"  {source.local} could not be read: {health.sentence}", file=sys.stderr)
            return USAGE
        if args.action == CANCEL and (found := await venue.runs.cancellable(targets[0])):
            return await _cancel(venue, targets[0], found, args.yes)
        offers = group.offered(venue, targets, args.action or "")
        if not offers:
            _tell_offers(venue, targets[0], args.action)
            return 0 if not args.action else USAGE
        asked = next(iter(offers.values())).args
        lacking = [arg.name for arg in asked if arg.name not in given and not arg.default]
        if lacking:
            print(f"foh act: {args.action} needs {', '.join(name + '=…' for name in lacking)}", file=sys.stderr)
            return USAGE
        operator = Operator(venue, who())
        try:
            plans = await group.plan(operator, targets, offers, group.spread(venue, offers, given))
        except Refused as refused:
            print(f"not done: {refused}", file=sys.stderr)
            return 1
        named = group.by_name(operator, plans.plans)
        for line in plan_lines.group_lines(named, group.by_name(operator, plans.left_out), plans.meanwhile, 100):
            print(plain(line).rstrip())
        word = next(iter(named))
        if not args.yes or (plans.risk == "destructive" and args.confirm != word):
            needed = f"--yes --confirm {word}" if plans.risk == "destructive" else "--yes"
            print(f"nothing done; to do it: {needed}")
            return 0 if not args.yes else USAGE
        outcome = await group.run(operator, plans, lambda text: print(f"  {text}", flush=True), args.unrecorded)
        print(outcome.text)
        if args.unrecorded and venue.journal.failure:
            print(f"not recorded: {venue.journal.failure}")
        elif venue.journal.failure and not outcome.ok:
            print("to do it even so: --yes --unrecorded")
        return 0 if outcome.ok else 1


async def _cancel(venue: Venue, target: Id, found: tuple[RunRow, str], yes: bool) -> int:
    row, no = found
    print(f"cancel '{row.label}', begun by {row.who} at {moment(row.at)}")
    if not yes and not no:
        print("nothing done; to do it: --yes")
        return 0
    try:
        print(await venue.runs.cancel(target, who()))
    except (Refused, OSError) as error:
        print(f"not cancelled: {error}", file=sys.stderr)
        return 1
    return 0


def _tell_offers(venue: Venue, target: Id, action: str) -> None:
    chain = [venue.state.current.get(id) for id in (target, *venue.resolver.chain(venue.state.current[target]))]
    print(f"{venue.name_of(target)} offers:" if not action else f"it does not offer {action!r}, but:")
    again = venue.runs.offer(target)
    for offers in ((again,) if again else (), *(here.offers if here else () for here in chain)):
        for each in offers:
            names = " ".join(f"{arg.name}=…" for arg in each.args)
            print(f"  {each.action} {names}  {each.label}  {each.blocked and '(blocked: ' + each.blocked + ')'}")


def find(resources: dict[Id, Resource], text: str) -> list[Id]:
    """The resources meant by host/kind/local, kind/local, kind/name, kind/* or several of these with commas between;
    none unless each part means exactly one."""
    if one := _find(resources, text):
        return [one]
    if text.endswith("/*"):
        kind = text.removesuffix("/*")
        return sorted((id for id in resources if id.kind == kind), key=lambda id: (resources[id].name, id))
    found = [_find(resources, part.strip()) for part in text.split(",")]
    return [id for id in found if id] if all(found) else []


def _find(resources: dict[Id, Resource], text: str) -> Id | None:
    """The resource meant by host/kind/local, kind/local or kind/name; None unless there is exactly one."""
    with contextlib.suppress(ValueError):
        if (id := Id.parse(text)) in resources:
            return id
    kind, _, rest = text.partition("/")
    same = [id for id in resources if id.kind == kind and id.local == rest]
    named = [id for id, resource in resources.items() if id.kind == kind and resource.name == rest]
    for found in (same, named):
        if len(found) == 1:
            return found[0]
    return None


def _best_done_now(venue: Venue) -> dict[str, list[str]]:
    """The actions that are best done when a venue is set up, as commands, by the reason."""
    found: dict[str, list[str]] = {}
    for resource in sorted(venue.state.current.values(), key=lambda r: r.id):
        for offer in resource.offers:
            if offer.setup:
                words = [f"{arg.name}={_proposed(venue, resource.id, arg)}" for arg in offer.args]
                target = f"{resource.id.kind}/{resource.id.local}"
                found.setdefault(offer.setup, []).append(shell(("foh", "act", target, offer.action, *words)))
    return found


def _proposed(venue: Venue, target: Id, arg: Arg) -> str:
    """A value for an argument. A name is that of the only resource of a pane that depends on the target."""
    shown = {kind.kind for kind in venue.state.kinds.values() if kind.pane}
    users = [id for id in venue.resolver.needing(target) if id.kind in shown] if arg.names else []
    return venue.name_of(users[0]) if len(users) == 1 else arg.default


async def doctor(args: argparse.Namespace) -> int:
    if args.install_helper is not None:
        return await asyncio.to_thread(install_helper, args.install_helper or who(), args.yes)
    import msgspec

    from backends import registry
    from backends.contract import Context
    from console.config import load, settings

    config = load()
    backends, broken = registry.load_all()
    unmet = len(broken)
    for name, health in broken.items():
        print(f"{name}\n  MISSING  it cannot be loaded: {health.sentence}")
    for backend in backends:
        print(backend.name)
        section = settings(config, backend.name, backend.settings, os.environ)
        context = Context(config.host, msgspec.convert(section, backend.settings), os.environ)
        needs = await asyncio.to_thread(backend.needs, context)
        if not needs:
            print("  nothing to watch was found here, and nothing is missing")
        for need in needs:
            print(f"  {'ok     ' if need.met else 'MISSING'}  {clean(need.what)}: {clean(need.found, NEED)}")
            if not need.met and need.mend:
                print(f"           fix: {clean(need.mend, NEED)}")
            unmet += not need.met
    print(f"venue file: {config.file or f'none; `foh init` would write {venue_file(os.environ)}'}")
    return 1 if unmet else 0


async def init(args: argparse.Namespace) -> int:
    from console.inventory import Unwritable, venue_toml, write

    file = venue_file(os.environ)
    async with opened(args) as session:
        found = sorted(session.venue.state.current.values(), key=lambda r: r.id)
        written = venue_toml(session.venue, session.config)
        for kind in session.venue.state.kinds.values():
            names = [resource.name for resource in found if resource.id.kind == kind.kind]
            if names and kind.pane:
                print(f"{len(names)} {kind.plural if len(names) > 1 else kind.label}: {', '.join(names)}")
        best = _best_done_now(session.venue)
    for reason, commands in best.items():
        print(f"{reason}; best done now (each shows its plan; --yes does it):")
        print("\n".join(f"  {command}" for command in commands))
    if not args.yes:
        if not sys.stdin.isatty():
            print(f"nothing written; `foh init --yes` accepts this and writes {file}")
            return 0
        answer = await asyncio.to_thread(input, f"is this all, and may it be written to {file}? [y/N] ")
        if answer.strip().casefold() not in ("y", "yes"):
            print("nothing written")
            return 1
    try:
        kept = write(file, written)
    except (Unwritable, OSError) as error:
        why = f"what would be written is no venue file: {error}" if isinstance(error, Unwritable) else str(error)
        print(f"foh: {file} was not written and is as it was: {clean(why, 500)}", file=sys.stderr)
        return 1
    print(f"written: {file}" + (f"; the one before is {kept}" if kept else ""))
    return 0


def install_helper(whom: str, yes: bool) -> int:
    """Shows what the root helper is and does, and installs it once that is confirmed. Blocking."""
    from backends import helper_install

    if os.geteuid():
        print("foh: only root can install the helper", file=sys.stderr)
        return 1
    if reason := helper_install.refusal(whom):
        print(f"foh: {reason}", file=sys.stderr)
        return 1
    print(helper_install.description(whom))
    if not yes and input("Install it? [y/N] ").strip().lower() not in ("y", "yes"):
        return 1
    try:
        helper_install.install(whom)
    except (Refused, OSError) as error:
        print(f"foh: {clean(error)}", file=sys.stderr)
        return 1
    print("installed")
    return 0
