"""What the console in a guest is told from outside. Without a guest."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from tests.patience import until
from tests.rig.demo import host
from tests.rig.demo.guest import away


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["home"], {"do": "home"}),
        (["unplug", "kitchen"], {"do": "unplug", "name": "kitchen"}),
        (["plug", "kitchen", "port=15"], {"do": "plug", "name": "kitchen", "port": 15}),
        (["storm", "bar", "pauses=[0.4, 0.02]"], {"do": "storm", "name": "bar", "pauses": [0.4, 0.02]}),
        (["press", "bar", "button=volume up"], {"do": "press", "name": "bar", "button": "volume up"}),
    ],
)
def test_a_command_is_in_words(words: list[str], command: dict[str, object]) -> None:
    assert host.command(words) == command


def test_who_asks_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert host.ask(["unplug", "kitchen"]) == 1
    assert "no console runs in a guest" in capsys.readouterr().err
    folder = tmp_path / f"{host.FOLDERS}x"
    folder.mkdir()
    (folder / host.ASKED).write_text("{}\n")
    (folder / host.ANSWERED).write_text("not done: earlier\n")

    def answer() -> None:
        _, asked = until(lambda: two if len(two := (folder / host.ASKED).read_text().splitlines()) == 2 else None)
        (folder / host.ANSWERED).write_text(f"not done: earlier\ndone: {json.loads(asked)['name']}\n")

    guest = threading.Thread(target=answer)
    guest.start()
    assert host.ask(["unplug", "kitchen"]) == 0
    guest.join()
    assert capsys.readouterr().out == "done: kitchen\n"


def test_a_board_is_away_for_a_third_of_each_minute() -> None:
    assert [away(at) for at in (0, 19.9, 20, 39.9, 40, 80, 9 * 60 + 20)] == ["", "", "bar", "bar", "", "foyer", "bar"]
