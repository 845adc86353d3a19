"""What the command line and the environment mean for every command."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console.config import Config

USAGE = 64  # sysexits.h EX_USAGE, apart from the monitoring plugins' 0 to 3


def is_read_only(args: argparse.Namespace) -> bool:
    return args.read_only or os.environ.get("FOH_READ_ONLY", "") not in ("", "0")


def who() -> str:
    """Who acts, as the journal names them."""
    return os.environ.get("SUDO_USER") or os.environ.get("USER") or _user()


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a user without a name
        return str(os.getuid())


def loader(demo: bool, still: bool = False, must_exist: bool = True) -> Callable[[], Config]:
    """How to get the configuration: from the venue file, which must exist where it is named, or not; or from the
    embedded venue, which starts at once."""
    if demo:
        from console.embedded import Embedded

        return Embedded(still).config
    from console.config import load

    return load if must_exist else partial(load, must_exist=False)
