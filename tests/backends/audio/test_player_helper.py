"""What of root is lent to whoever may call the helper: players are restarted, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends import helper
from backends.audio import player_helper, systemd
from backends.audio.player_helper import refusal
from backends.audio.systemd import Unit, UnitStatus

BAR, MPD, SSH = Unit("mopidy@bar.service"), Unit("mpd.service"), Unit("ssh.service")
MOPIDY = ("/usr/bin/python3", "/usr/bin/mopidy", "--config", "/etc/mopidy/bar.conf")
SSHD = ("sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups",)
RUNS = UnitStatus(BAR.name, "active", "running", "success", 7)
FAILED = UnitStatus(BAR.name, "failed", "failed", "exit-code")


@pytest.mark.parametrize(
    ("unit", "seen", "argv", "inside", "said"),
    [
        (BAR, RUNS, MOPIDY, BAR, ""),
        (BAR, RUNS, ("mopidy",), BAR, ""),
        (BAR, UnitStatus(BAR.name, main=0, start=MOPIDY[1:]), (), None, ""),  # ended: its file says what it was
        (MPD, UnitStatus(MPD.name, main=7), ("/usr/bin/mpd", "--systemd"), MPD, ""),
        (BAR, FAILED, (), None, "not a player's"),
        (BAR, UnitStatus(BAR.name, main=0, start=("/bin/sh", "-c", "mopidy")), (), None, "not a player's"),
        (BAR, RUNS, (), BAR, "not a player's"),  # it has just ended
        (BAR, RUNS, (*MOPIDY, "config"), BAR, "not a player's"),  # one of its commands
        (BAR, UnitStatus(BAR.name, main=7, start=MOPIDY), ("/bin/sh", "/opt/wrapper"), BAR, "not a player's"),
        (SSH, UnitStatus(SSH.name, main=9), SSHD, SSH, "not a player's"),
        (SSH, UnitStatus(SSH.name, main=7), MOPIDY, BAR, "is not in it"),  # it names another's process as its main one
        (BAR, RUNS, MOPIDY, Unit(BAR.name, 1000), "is not in it"),  # a user's own unit of that name
        (BAR, RUNS, MOPIDY, None, "is not in it"),
        (BAR, UnitStatus(SSH.name, main=9), SSHD, SSH, "mopidy@bar.service is ssh.service"),  # an alias
        (BAR, UnitStatus(""), (), None, "not known"),
    ],
)
def test_it_is_the_main_process_that_decides(
    unit: Unit, seen: UnitStatus, argv: tuple[str, ...], inside: Unit | None, said: str
) -> None:
    reason = refusal(unit, seen, argv, inside)
    assert said in reason
    assert bool(reason) == bool(said)


HOSTILE = [
    [], [""], ["ssh"], ["/etc/systemd/system/mopidy@bar.service"], ["mopidy@../x"], ["mopidy@../x.service"],
    ["mopidy*.service"], ["--user"], ["-Hevil.service"], ["mopidy@bar.service\n"], ["mopidy@\x1b[31m.service"],
    [r"mopidy@\x2e\x2e.service"], ["mopidy@bar.service", "KILL"], ["mopidy@bar.service", "kill", "kill"],
    ["mopidy@bar.service", "ssh.service"], ["mopidy@bar.service ssh.service"], ["mopidy@bar.socket"], ["kill"],
]  # fmt: skip


@pytest.mark.parametrize("arguments", HOSTILE, ids=repr)
def test_everything_else_is_refused_and_systemd_is_not_asked(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "systemctl").write_text(f"#!/bin/sh\necho $* >> {tmp_path}/asked\n")
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setattr(systemd, "PATH", str(tmp_path))
    assert helper.main(["player-restart", *arguments], player_helper.OPERATIONS) == 2
    said = capsys.readouterr().err
    assert said.startswith("foh helper: ")
    assert said.count("\n") == 1
    assert "\x1b" not in said
    assert not (tmp_path / "asked").exists()
