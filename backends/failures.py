"""What an exception that left a source says about its system, for the operator."""

from __future__ import annotations

import os
import socket

from backends.contract import Health, Parked, Remedy, State, clean


def health_of(error: BaseException) -> Health:
    """What an exception that left a source says about its system. The table is the program's whole knowledge
    of failures; a source that knows better yields its own Health instead of raising."""
    said = clean(in_words(error) or type(error).__name__)
    match error:
        case Parked():
            return Health(State.HUNG, said, Remedy("the system behind it hangs; foh asks it again when it answers"))
        case TimeoutError():
            return Health(State.HUNG, said, Remedy("restart it if it does not recover"))
        case ConnectionRefusedError() | FileNotFoundError():
            return Health(State.REFUSED, said, Remedy("start it, or correct its address"))
        case PermissionError():
            return Health(State.DENIED, said, Remedy("run `foh doctor`"))
        case ImportError():
            return Health(State.ABSENT, said, Remedy("run `foh doctor`"))
        case OSError() | EOFError():
            return Health(State.REFUSED, said, Remedy("start it, or correct its address"))
        case ValueError():  # what it says is not what such a system says
            return Health(State.WRONG, said, Remedy("check what listens there"))
        case _:
            return Health(State.WRONG, f"{type(error).__name__}: {said}", Remedy("check what listens there"))


def in_words(error: BaseException) -> str:
    """What an exception says. The system's own have a number (errno), and Python's text for one is not for an operator.
    Other libraries' have a number of another table (ssl, getaddrinfo)."""
    match error:
        case TimeoutError() if not str(error):
            return "no answer in time"
        case socket.gaierror():
            return f"its host name cannot be resolved: {error.strerror}".lower()
        case ConnectionRefusedError(errno=int()):
            return "nothing listens there"
        case OSError(errno=int(number)) if type(error).__module__ == "builtins":
            said = os.strerror(number).lower()
            return f"{error.filename}: {said}" if error.filename else said
        case OSError() if str(error).startswith("Multiple exceptions"):  # asyncio's, of a host with several addresses
            return "none of its addresses answers"
    return str(error)
