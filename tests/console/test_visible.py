"""Whatever a command without a screen prints, a terminal acts on none of it."""

from __future__ import annotations

import sys

import pytest

from backends.testing.payloads import PAYLOADS
from console import cli, plain
from console.visible import visible
from tests.console.test_hostile import ACTED_ON

HOSTILE = "".join(PAYLOADS.values()).replace("\udcff", "")[:5000]


@pytest.mark.parametrize("command", ["status", "act", "doctor", "init"])
def test_what_somebody_forgot_to_clean_is_cleaned_on_both_streams(
    command: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def run(command: str, args: object) -> int:
        print("name", HOSTILE)
        print("name", HOSTILE, file=sys.stderr)
        return 0

    monkeypatch.setattr(plain, "run", run)
    for stream in ("stdout", "stderr"):  # which it replaces
        monkeypatch.setattr(sys, stream, getattr(sys, stream))
    with pytest.raises(SystemExit):
        cli.main([command])
    for said in capfd.readouterr():
        assert said.startswith("name")
        assert not ACTED_ON.search(said.replace("\n", ""))


def test_it_leaves_lines_and_everything_that_can_be_shown() -> None:
    assert visible("a\n  b\n") == "a\n  b\n"
    assert visible("日本 é\n" + "x" * 5000) == "日本 é\n" + "x" * 5000
    assert visible("a\x1b[2J\nb") == "a␛[2J\nb"
