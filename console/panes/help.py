"""The help: every key. Pure."""

from __future__ import annotations

from console.line import Row

MOVING = (
    ("arrows, hjkl", "move; Enter or right opens, Esc or left goes back"),
    ("1 2 3 4", "go to a pane; again, or on a small terminal: that pane alone"),
    ("i", "incidents"),
    ("Tab", "next pane"),
    ("z", "the pane alone, or all of them again"),
    ("/", "find in the pane; Enter keeps the filter, Esc clears it"),
    (": Ctrl+P", "commands: every action and every resource by name"),
    ("l", "what the journal says of the selection"),
    ("y", "copy the fixing command or the id (to the clipboard by OSC 52, and to a file)"),
    ("?", "this help"),
    ("q", "quit"),
)
CHANGING = (
    ("a", "actions on the selection and on what it is connected to"),
    ("f", "the suggested fix of the selected incident"),
    ("m", "mute the selected zone at its ALSA mixer, at once"),
    ("A", "acknowledge the incident, or take it back"),
    ("S", "silence the incident for an hour, or no longer"),
)
SIGNS = (
    ("C w i", "critical, warning, information: in front of whatever it is about"),
    ("?42", "unknown now; it was 42"),
    ("-", "does not apply"),
    ("n/m", "cannot be measured: nobody can say"),
    ("denied", "may not be read: `foh doctor` says what to permit"),
)


def rows(read_only: bool) -> list[Row]:
    out: list[Row] = []
    sections = [("keys", MOVING), ("signs", SIGNS)]
    if not read_only:
        sections.insert(1, ("changing things: each shows its plan first", CHANGING))
    for title, entries in sections:
        out.append((None, ((f" {title}", "title"),)))
        out += [(None, ((f"   {key:<14}", "key"), (text, ""))) for key, text in entries]
        out.append((None, (("", ""),)))
    return out
