"""Parses a Mopidy's log: pure functions from its lines to entries. No I/O.

Mopidy reports a failed output only in its log. 3.x writes `LEVEL date [pid:thread] logger` and the message on a
second line; 4.x writes `time LEVEL thread logger`, leaves out a time that repeats, and wraps the message to a column.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from backends.contract import Evidence, Unknown, Why, clean
from backends.kinds import LOG, Text

BAD = ("WARNING", "ERROR", "CRITICAL")
LONGEST = 300  # characters of one entry that are kept
_HEAD = re.compile(r"\s*+(?:\[?\d[\d:.,/ -]*+\]?\s*+(?<=\s))?(DEBUG|INFO|WARNING|ERROR|CRITICAL)\s++(\S.*)").fullmatch
_DATE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) ")
_WHO = re.compile(
    r"(?:\[\d+:[^\]]*\] |[\w-]+ (?:\(\w+\) )?)?(?:(?:mopidy|pykka|tornado)[\w.]*|\w+(?:\.\w+)+)\s*"
).fullmatch
_SPEAKER = re.compile(r"(?:\[\d+:[^\]]*\] )?(?:[\w.]+: )?")


class LogLine(Struct, frozen=True):
    """One line as it was read, and the latest time at which it can have been written."""

    at: float
    text: str


class LogEntry(Struct, frozen=True):
    """One message: its level, when it was written, and its text on one line."""

    level: str
    at: float
    text: str


class Fault(Struct, frozen=True):
    """What an entry means for the output: the zone's `fault`, and the text that identifies the entry. `playing`: it
    happens during playback, and Mopidy still reports playing; a stopped zone was stopped after it."""

    word: str
    said: str
    playing: bool = False


FAULTS = (  # mopidy.audio.gst logs the messages of GStreamer's alsasink and pulsesink; the first match counts
    Fault("device busy", "Device is being used by another application"),
    Fault("device lost", "The device has been disconnected", True),
    Fault("device cannot be opened", "Could not open audio device for playback"),
    Fault("device cannot be opened", "Could not get/set settings from/on resource"),
    Fault("sound server gone", "pa_stream_writable_size() failed", True),
    Fault("sound server gone", "Failed to connect: Connection refused"),
    Fault("output unknown", "Failed to create audio output"),
    Fault("no decoder or no such sink", "Your GStreamer installation is missing a plug-in"),  # pulsesink: either
)


def entries(lines: Iterable[LogLine]) -> list[LogEntry]:
    """The messages in these lines, from the first complete one on."""
    found: list[tuple[str, float, list[str]]] = []
    for line in lines:
        if match := _HEAD(line.text):
            level, rest = match[1], match[2].rstrip()
            at = line.at
            if date := _DATE.match(rest):
                at, rest = _seconds(date[1], at), rest[date.end() :]
            found.append((level, at, [] if _WHO(rest) else [_SPEAKER.sub("", rest, count=1)]))
        elif found and line.text.strip():
            found[-1][2].append(line.text.strip())
    return [LogEntry(level, at, clean(" ".join(words), LONGEST)) for level, at, words in found if words]


def _seconds(text: str, otherwise: float) -> float:
    """Parses a time of the log, which is the host's local time."""
    try:
        return min(datetime.fromisoformat(text.replace(",", ".")).timestamp(), otherwise)
    except ValueError:
        return otherwise


def bad(found: Sequence[LogEntry], most: int = 8) -> tuple[LogEntry, ...]:
    """The latest warnings and errors, newest first, without repetitions."""
    newest: dict[str, LogEntry] = {}
    for entry in reversed(found):
        if entry.level in BAD:
            newest.setdefault(entry.text, entry)
    return tuple(newest.values())[:most]


def fault(found: Sequence[LogEntry], settled: float, playing: bool) -> tuple[Fault, LogEntry] | None:
    """The latest failure of the output that still applies: it came after `settled`, when playback last started or
    stopped."""
    for entry in bad(found, len(found)):
        for known in FAULTS:
            if known.said in entry.text:
                return (known, entry) if entry.at >= settled and (playing or not known.playing) else None
    return None


class LogReport(Struct, frozen=True):
    """A zone's view of its log: the latest warnings and errors, and the failure of its output that still applies."""

    log: tuple[str, ...] | Unknown
    fault: Text
    evidence: tuple[Evidence, ...] = ()


def report(lines: Iterable[LogLine], where: str, settled: float, playing: bool) -> LogReport:
    """`where` names the log; `playing`: the zone reports playing now."""
    found = entries(lines)
    said = tuple(f"{time.strftime('%d %b %H:%M:%S', time.localtime(e.at))} {e.level} {e.text}" for e in bad(found))
    if not (failed := fault(found, settled, playing)):
        return LogReport(said, Unknown(Why.NOT_APPLICABLE, "no output failure logged since playback started"))
    known, entry = failed
    return LogReport(said, known.word, (Evidence(LOG, where, entry.at, entry.text),))


def unreadable_log(why: Unknown) -> LogReport:
    return LogReport(why, why)
