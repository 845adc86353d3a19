"""The command line. It imports no more than the command given needs: `--version` and the first frame are quick."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from console.options import USAGE, is_read_only, loader
from console.output import LOST, safe_streams

if TYPE_CHECKING:
    from pathlib import Path


OWN_WALL = (None, "demo", "completion")  # the screen has one, and the last prints a program


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> None:  # type: ignore[override]
        from backends.contract import clean

        self.exit(USAGE, f"{self.prog}: {clean(message, 500)}; see `{self.prog} --help`\n")


def parser() -> argparse.ArgumentParser:
    top = Parser(prog="foh", description="One terminal console over a venue. Without a command: the console.")
    top.add_argument("--version", action="store_true", help="say which version this is")
    top.add_argument("--read-only", action="store_true", help="bind no key that changes anything")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    demo = commands.add_parser("demo", help="the console on the embedded venue, to practise on")
    demo.add_argument("--still", action="store_true", help="nothing changes by itself, for pictures and measurements")
    demo.add_argument("--rig", action="store_true", help="on real kernel devices, in a guest (needs a checkout)")
    demo.add_argument("--read-only", action="store_true", default=argparse.SUPPRESS, help="the same, after the word")
    status = commands.add_parser(
        "status", help="one screenful; exit code 0 fine, 1 warning, 2 critical, 3 unknown; 74: not written"
    )
    status.add_argument("--json", action="store_true", help="for programs; the schema is docs/status.schema.json")
    act = commands.add_parser("act", help="an action without the screen: same plan, check and journal")
    act.add_argument("target", nargs="?", help="kind/name, kind/* or several with commas, such as zone/bar")
    act.add_argument("action", nargs="?", help="what to do; without it, what the target offers")
    act.add_argument("args", nargs="*", metavar="NAME=VALUE", help="the action's arguments")
    act.add_argument("--yes", action="store_true", help="do it (without: show the plan and stop)")
    act.add_argument("--unrecorded", action="store_true", help="do it even if the journal cannot be written")
    act.add_argument("--confirm", metavar="NAME", help="for what destroys something: its name")
    for command in (status, act):
        command.add_argument("--demo", action="store_true", help="on the embedded venue")
    doctor = commands.add_parser("doctor", help="what each backend needs, what is missing, the command that fixes it")
    what = "install the root helper, and permit it to a user or to %%GROUP (default: who called sudo); run as root"
    doctor.add_argument("--install-helper", metavar="WHO", nargs="?", const="", help=what)
    doctor.add_argument("--yes", action="store_true", help="install it without asking")
    init = commands.add_parser("init", help="write the venue file: the inventory that is seen now")
    init.add_argument("--yes", action="store_true", help="accept what is seen without asking")
    init.add_argument("--demo", action="store_true", help="on the embedded venue")
    for command in (status, act, init):
        patience = "how long to wait for what does not answer (%(default)g)"
        command.add_argument("--wait", metavar="SECONDS", type=float, default=6.0, help=patience)
    run = commands.add_parser("run", description="carries out a run of the journal; started by foh itself")
    run.add_argument("number", type=int, help="the run's number")
    completion = commands.add_parser("completion", help="print the shell completion")
    completion.add_argument("shell", choices=["bash", "zsh", "tcsh"])
    return top


def main(argv: Sequence[str] | None = None) -> None:
    out, args = safe_streams(), None
    try:
        args = parser().parse_args(argv)
        code: str | int | None = run(args) if args.command in OWN_WALL else visibly(args)
    except SystemExit as ended:
        code = ended.code
    except KeyboardInterrupt:
        code = 130
    sys.stdout.flush()
    has_screen = args is not None and args.command in (None, "demo") and not args.version
    sys.exit(LOST if out.lost and not has_screen else code)


def visibly(args: argparse.Namespace) -> int:
    from console.visible import streams

    with streams():
        return run(args)


def run(args: argparse.Namespace) -> int:
    if args.version:
        from importlib.metadata import version

        print(f"foh {version('foh')}")
        return 0
    match args.command:
        case None | "demo":
            return full_screen(args)
        case "completion":
            import shtab

            print(shtab.complete(parser(), args.shell))
            return 0
        case command:
            from console import plain

            return plain.run(command, args)


def full_screen(args: argparse.Namespace) -> int:
    """The console. Paints a first frame in plain bytes, then imports the rest."""
    from console import terminal

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("foh: not a terminal; use `foh status` in pipes and scripts", file=sys.stderr)
        return USAGE
    if getattr(args, "rig", False):
        from pathlib import Path

        return on_the_rig(args, Path(__file__).parents[1])
    if not sys.stderr.isatty():  # Textual draws on standard error
        os.dup2(1, 2)
    gc.disable()  # collecting while modules load costs 20 ms; the application enables it again
    with terminal.restored():
        terminal.first_frame("embedded venue" if args.command == "demo" else "")
        from console.quiet import keep_quiet

        keep_quiet()
        load = loader(args.command == "demo", getattr(args, "still", False))
        from console.app import Foh
        from console.session import open_session

        app = Foh(lambda: open_session(load), is_read_only(args))
        app.run()
    terminal.end_soon(app.return_code or 0)
    return app.return_code or 0


def on_the_rig(args: argparse.Namespace, checkout: Path) -> int:
    """The console in a guest that the checkout's rig boots, instead of this process."""
    if not (checkout / "tests/rig/__main__.py").exists():
        print("foh: tests/rig is missing: `foh demo --rig` needs a checkout of the project", file=sys.stderr)
        return USAGE
    options = [*(["--still"] if args.still else []), *(["--read-only"] if is_read_only(args) else [])]
    os.chdir(checkout)
    os.execv(sys.executable, [sys.executable, "-m", "tests.rig", "demo", *options])
