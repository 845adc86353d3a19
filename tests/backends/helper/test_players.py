"""What of root is lent to whoever may call the helper: players are restarted, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.helper import players, program
from backends.helper.players import Service, refusal

BAR, MPD, SSH = "mopidy@bar.service", "mpd.service", "ssh.service"
MOPIDY = ("/usr/bin/python3", "/usr/bin/mopidy", "--config", "/etc/mopidy/bar.conf")
SSHD = ("sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups",)
RUNS = Service(BAR, "active", 7)
FAILED = Service(BAR, "failed")


@pytest.mark.parametrize(
    ("unit", "seen", "argv", "inside", "said"),
    [
        (BAR, RUNS, MOPIDY, BAR, ""),
        (BAR, RUNS, ("mopidy",), BAR, ""),
        (BAR, Service(BAR, start=MOPIDY[1:]), (), "", ""),  # ended: its file says what it was
        (MPD, Service(MPD, main=7), ("/usr/bin/mpd", "--systemd"), MPD, ""),
        (BAR, FAILED, (), "", "not a player's"),
        (BAR, Service(BAR, start=("/bin/sh", "-c", "mopidy")), (), "", "not a player's"),
        (BAR, RUNS, (), BAR, "not a player's"),  # it has just ended
        (BAR, RUNS, (*MOPIDY, "config"), BAR, "not a player's"),  # one of its commands
        (BAR, Service(BAR, main=7, start=MOPIDY), ("/bin/sh", "/opt/wrapper"), BAR, "not a player's"),
        (SSH, Service(SSH, main=9), SSHD, SSH, "not a player's"),
        (SSH, Service(SSH, main=7), MOPIDY, BAR, "is not in it"),  # it names another's process as its main one
        (BAR, RUNS, MOPIDY, "", "is not in it"),  # a user's own unit of that name, or none
        (BAR, Service(SSH, main=9), SSHD, SSH, "mopidy@bar.service is ssh.service"),  # an alias
        (BAR, Service(""), (), "", "not known"),
    ],
)
def test_it_is_the_main_process_that_decides(
    unit: str, seen: Service, argv: tuple[str, ...], inside: str, said: str
) -> None:
    reason = refusal(unit, seen, argv, inside, "")
    assert said in reason
    assert bool(reason) == bool(said)


@pytest.mark.parametrize("active", ["inactive", "maintenance", "", "dead\x1b[31m"])
@pytest.mark.parametrize("main", [0, 7])
def test_what_does_not_run_is_not_started(active: str, main: int) -> None:
    """`mopidy@neverexisted.service` is inactive, too: systemd makes an instance of each name that it is asked for."""
    reason = refusal(BAR, Service(BAR, active, main, MOPIDY), MOPIDY, BAR, "")
    assert "only what is active or failed" in reason
    assert "\x1b" not in reason


def test_what_others_can_change_is_not_restarted() -> None:
    assert refusal(BAR, RUNS, MOPIDY, BAR, "/x belongs to user 7") == f"{BAR} is not root's alone: /x belongs to user 7"


def test_what_systemctl_shows_of_a_service() -> None:
    said = {
        "Id": BAR, "ActiveState": "active", "MainPID": "7", "FragmentPath": "/etc/systemd/system/mopidy@.service",
        "DropInPaths": "/etc/a.conf /run/b.conf",
        "ExecStart": "{ path=/usr/bin/mopidy ; argv[]=/usr/bin/mopidy --config x ; ignore_errors=no ; pid=7 }",
    }  # fmt: skip
    files = ("/etc/systemd/system/mopidy@.service", "/etc/a.conf", "/run/b.conf")
    assert players.service(said) == Service(BAR, "active", 7, ("/usr/bin/mopidy", "--config", "x"), files)
    assert players.service({}) == Service("", "")


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
    monkeypatch.setattr(players, "PATH", str(tmp_path))
    assert program.main(["player-restart", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("foh helper: ")
    assert said.count("\n") == 1
    assert "\x1b" not in said
    assert not (tmp_path / "asked").exists()
