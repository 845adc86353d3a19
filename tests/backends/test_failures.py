"""What an exception says about a system. Tables, no I/O."""

from __future__ import annotations

import socket
import ssl

import pytest

from backends.contract import Parked, State
from backends.failures import health_of


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Parked("p"), State.HUNG),
        (TimeoutError(), State.HUNG),
        (ConnectionRefusedError(), State.REFUSED),
        (FileNotFoundError("f"), State.REFUSED),
        (ConnectionResetError(), State.REFUSED),
        (EOFError(), State.REFUSED),
        (OSError(5, "Input/output error"), State.REFUSED),
        (PermissionError(13, "Permission denied"), State.DENIED),
        (ModuleNotFoundError("no x"), State.ABSENT),
        (ValueError("no JSON"), State.WRONG),
        (KeyError("k"), State.WRONG),
        (RecursionError(), State.WRONG),
        (RuntimeError("\x1b[31m"), State.WRONG),
    ],
)
def test_every_error_is_a_health_with_a_sentence_and_a_remedy(error: Exception, state: State) -> None:
    health = health_of(error)
    assert health.state is state
    assert health.sentence.isprintable()
    assert health.sentence
    assert health.remedy


def test_what_is_no_answer_is_told_as_it_was_said() -> None:
    assert health_of(ValueError("no JSON")).sentence == "no JSON"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 1)"), "nothing listens there"),
        (ConnectionRefusedError("the player is down"), "the player is down"),
        (FileNotFoundError(2, "No such file or directory", "/run/lxd"), "/run/lxd: no such file or directory"),
        (FileNotFoundError(2, "No such file or directory"), "no such file or directory"),
        (
            socket.gaierror(-2, "Name or service not known"),
            "its host name cannot be resolved: name or service not known",
        ),
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), "certificate verify failed"),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 1)"), "none of its addresses answers"),
        (OSError(113, "Connect call failed ('10.0.0.1', 1)"), "no route to host"),
        (TimeoutError(110, "Connect call failed ('10.0.0.1', 1)"), "connection timed out"),
        (TimeoutError(), "no answer in time"),
    ],
)
def test_what_the_system_reports_is_said_in_words(error: BaseException, sentence: str) -> None:
    assert health_of(error).sentence == sentence
