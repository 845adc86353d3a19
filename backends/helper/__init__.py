"""The root helper: the few named operations that need root.

A program of its own. `foh doctor --install-helper` copies this folder to where only root can write, and sudo starts the
copy for an ordinary user (backends/sudo.py). So it uses the standard library alone, imports nothing else of foh, treats
every argument as hostile, and checks each target by what it reads itself, as root. A console that may write the files
itself calls the same functions.
"""


class Refused(Exception):
    """The arguments are invalid, or the target is not one that an operation is for; says why."""


def printable(text: object, longest: int = 60) -> str:
    """A text from outside in one line of ASCII."""
    return ascii(str(text)[:longest])[1:-1]
