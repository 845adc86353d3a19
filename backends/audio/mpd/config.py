"""An MPD's command line, and the settings that foh reads from its configuration (mpd.conf(5))."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from backends.contract import Unknown, Why, clean
from backends.failures import in_words
from backends.foreign import read_file

OF_A_USER = (".config/mpd/mpd.conf", ".mpdconf", ".mpd/mpd.conf")  # in the home folder; they precede the system's
OF_THE_MACHINE = Path("/etc/mpd.conf")
_SETTING = re.compile(r"""^[ \t]*(state_file|port)[ \t]+"([^"\n]*)\"""", re.MULTILINE)


def config_file(argv: Sequence[str], home: Path | None) -> Path:
    """The file that an MPD with this command line reads; `home` is its user's home folder."""
    named = [word for word in argv[1:] if not word.startswith(("-", "$"))]
    if named:
        return Path(named[-1])
    own = [home / name for name in OF_A_USER] if home else []
    return next((file for file in own if file.exists()), OF_THE_MACHINE)


def settings(file: Path) -> dict[str, str] | Unknown:
    """Its `state_file` and `port`, if set."""
    try:
        return dict(_SETTING.findall(read_file(file).decode("utf-8", "replace")))
    except (OSError, ValueError) as error:
        return Unknown(Why.DENIED, clean(in_words(error)))
