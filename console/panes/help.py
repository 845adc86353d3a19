"""The help: every key. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from backends.contract import KindSpec, Shortcut
from console.line import Line, Row

MOVING = (
    ("arrows, hjkl", "move; Enter or right opens, Esc or left goes back"),
    ("1 2 3 4", "go to a pane; again, or on a small terminal: that pane alone"),
    ("i", "incidents"),
    ("Tab", "next pane"),
    ("z", "the pane alone, or all panes again"),
    ("/", "find in the pane; Enter keeps the filter, Esc clears it"),
    (": Ctrl+P", "commands: every action and every resource by name"),
    ("l", "the journal of the selection"),
    ("y", "copy the fixing command, or the id (OSC 52, and a file)"),
    ("?", "this help"),
    ("q", "quit"),
)
CHANGING = (
    ("a", "actions on the selection and its chain; forget what is gone"),
    ("Space", "mark, to act on all marked at once; Esc clears the marks"),
    ("*", "mark every row of the pane that the filter shows"),
    ("f", "the suggested fix of the selected incident"),
    ("A", "acknowledge the incident, or undo that"),
    ("S", "silence the incident for an hour, or undo that"),
)
SIGNS = (
    ("C w i", "critical, warning, information: in front of what it is about"),
    ("?42", "unknown now; the last known value was 42"),
    ("-", "does not apply"),
    ("n/m", "cannot be measured"),
    ("denied", "no permission to read it: `foh doctor` says what to permit"),
)


MAIN = (
    ("Enter", "open"), ("a", "actions"), ("f", "fix"), ("A", "ack"), ("S", "silence"), ("/", "find"), ("1-4", "panes"),
    ("i", "incidents"), (":", "commands"), ("?", "help"), ("q", "quit"),
)  # fmt: skip
READ = (
    ("Esc", "back"),
    ("Enter", "follow"),
    ("a", "actions"),
    ("f", "fix"),
    ("y", "copy"),
    ("?", "help"),
    ("q", "quit"),
)


def legend(keys: tuple[tuple[str, str], ...], read_only: bool) -> Line:
    """The line at the foot of a screen. A read-only console does not have the keys that change things."""
    absent = {key for key, _ in CHANGING} if read_only else set()
    spans = [((f" {key}", "key"), (f" {what} ", "dim")) for key, what in keys if key not in absent]
    return tuple(span for pair in spans for span in pair)


def shortcuts(kinds: Iterable[KindSpec]) -> tuple[Shortcut, ...]:
    """The keys that kinds declare: the first kind's where two declare the same."""
    found: dict[str, Shortcut] = {}
    for kind in kinds:
        for shortcut in kind.shortcuts:
            found.setdefault(shortcut.key, shortcut)
    return tuple(found.values())


def rows(read_only: bool, kinds: Iterable[KindSpec] = ()) -> list[Row]:
    """Every key, those that the kinds of this venue declare among them."""
    out: list[Row] = []
    sections = [("keys", MOVING), ("signs", SIGNS)]
    if not read_only:
        own = tuple((shortcut.key, shortcut.text) for shortcut in shortcuts(kinds))
        sections.insert(1, ("changing things: each shows its plan first", (*CHANGING, *own)))
    for title, entries in sections:
        out.append((None, ((f" {title}", "title"),)))
        out += [(None, ((f"   {key:<14}", "key"), (text, ""))) for key, text in entries]
        out.append((None, (("", ""),)))
    return out
