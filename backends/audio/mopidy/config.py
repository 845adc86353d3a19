"""A Mopidy's configuration, from its command line: files, and `-o section/key=value`."""

from __future__ import annotations

import configparser
import contextlib
import itertools
import re
import stat
from collections.abc import Sequence
from pathlib import Path

from backends.contract import Unknown, Why, clean
from backends.failures import in_words
from backends.foreign import read_file

MOST = 100  # files of one configuration
_BLANKS = re.compile(r"\s{2,}").sub


def config_files(argv: Sequence[str]) -> list[str]:
    """The files in `--config A:B` of Mopidy's command line; later files win."""
    for index, word in enumerate(argv):
        if word.startswith("--config="):
            return word.removeprefix("--config=").split(":")
        if word == "--config" and index + 1 < len(argv):
            return argv[index + 1].split(":")
    return []


def merged(files: Sequence[Path]) -> configparser.RawConfigParser | Unknown:
    """The merged configuration of these files."""
    parser = configparser.RawConfigParser(strict=False, inline_comment_prefixes=(";",))
    try:
        for file in _parts(files):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # Mopidy does without it as well
                parser.read_string(_plain(read_file(file).decode("utf-8")), str(file))
    except PermissionError as error:  # the configuration without this file would be incomplete
        return Unknown(Why.DENIED, clean(f"no permission to read {error.filename}"))
    except (configparser.Error, ValueError, OSError) as error:
        return Unknown(Why.MALFORMED, clean(in_words(error)))
    if not files or not parser.sections():
        return Unknown(Why.DENIED, "its configuration is unknown or cannot be read")
    return parser


def _parts(files: Sequence[Path]) -> list[Path]:
    """The files. One that is named may be a folder of *.conf files, which Mopidy reads in order. Raises OSError."""
    found: list[Path] = []
    for file in files:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            folder = stat.S_ISDIR(file.stat().st_mode)
            found += sorted(itertools.islice(file.glob("*.conf"), MOST + 1)) if folder else [file]
        if len(found) > MOST:
            raise OSError(f"its configuration has more than {MOST} files")
    return found


def _plain(text: str) -> str:
    """The text with one blank for several within a line: configparser's patterns take the square of their number."""
    lines = text.split("\n")
    return "\n".join(line[: len(line) - len(rest)] + _BLANKS(" ", rest) for line in lines for rest in (line.lstrip(),))


def output_of(config: configparser.RawConfigParser | Unknown, argv: Sequence[str]) -> str | Unknown:
    """`audio/output`; `-o audio/output=...` on the command line wins."""
    for option in argv:
        if option.startswith("audio/output="):
            return clean(option.removeprefix("audio/output="))
    return config if isinstance(config, Unknown) else clean(config.get("audio", "output", fallback="autoaudiosink"))


def frontend_of(config: configparser.RawConfigParser | Unknown, argv: Sequence[str], section: str, usual: str) -> str:
    """host:port of a frontend (`http`, `mpd`), unchecked; "" if it has none, or one on a unix socket. `usual` is the
    default port ("": the section must exist)."""
    if isinstance(config, Unknown) or not (usual or config.has_section(section)):
        return ""
    settings = dict(config[section]) if config.has_section(section) else {}
    settings |= {key: value for key, _, value in (word.removeprefix(f"{section}/").partition("=") for word in argv
                                              if word.startswith(f"{section}/"))}  # fmt: skip
    host, port = settings.get("hostname", "127.0.0.1"), settings.get("port", usual or "6600")
    if settings.get("enabled", "true").casefold() in ("false", "no", "off", "0") or host.startswith("unix:"):
        return ""
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1", "": "127.0.0.1", "localhost": "127.0.0.1"}
    host = anywhere.get(host, f"[{host}]" if ":" in host else host)
    return f"{host}:{port}" if port.isascii() and port.isdecimal() else ""


def restores(config: configparser.RawConfigParser | Unknown, argv: Sequence[str]) -> bool | Unknown:
    """`core/restore_state`: whether it saves its queue on SIGTERM and restores it at its next start."""
    given = [word.partition("=")[2] for word in argv if word.startswith("core/restore_state=")]
    if not given and isinstance(config, Unknown):
        return config
    said = given[-1] if given or isinstance(config, Unknown) else config.get("core", "restore_state", fallback="false")
    return said.strip().casefold() in ("1", "yes", "true", "on")


def zone_name(files: Sequence[Path]) -> str:
    """`zones/bar.conf` names the zone bar; Mopidy's own `mopidy.conf` gives no name."""
    named = [file.stem for file in files if file.suffix == ".conf" and file.stem != "mopidy"]
    return clean(named[-1], 40) if named else ""
