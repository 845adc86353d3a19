"""Which unit a process is in, what its manager says of it, and which commands restart it. Tables, no I/O."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.audio import systemd
from backends.audio.systemd import Unit, UnitStatus, groups_in, is_plain, parse_show, unit_in, unit_of

BAR = Unit("mopidy@bar.service")


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("0::/system.slice/system-mopidy.slice/mopidy@bar.service\n", BAR),
        ("3:cpu:/x\n1:name=systemd:/system.slice/mopidy@bar.service\n0::/system.slice/mopidy@bar.service\n", BAR),
        ("0::/user.slice/user-7.slice/user@7.service/app.slice/mopidy.service\n", Unit("mopidy.service", 7)),
        ("0::/user.slice/user-7.slice/user@7.service/app.slice/app-mopidy.scope\n", None),
        ("0::/user.slice/user-7.slice/user@7.service\n", Unit("user@7.service")),  # the manager itself
        ("0::/user.slice/user-7.slice/session-3.scope\n", None),
        ("0::/system.slice/mopidy@bar.service/part\n", None),  # what a service has delegated
        ("2:cpu:/system.slice/mopidy@bar.service\n", None),  # a controller's, which need not be systemd's
        ("0::/system.slice/mopidy.service\n.service\n", Unit("mopidy.service")),
        ("0::/\n", None),
        ("", None),
    ],
)
def test_the_unit_of_a_cgroup(cgroup: str, unit: Unit | None, tmp_path: Path) -> None:
    assert unit_in(cgroup) == unit
    (tmp_path / "7").mkdir()
    (tmp_path / "7/cgroup").write_text(cgroup)
    assert (unit_of(7, tmp_path), unit_of(8, tmp_path)) == (unit, None)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("mopidy.service", True), ("mopidy@bar.service", True), ("a_b:c-d.e@f-g.h.service", True),
        ("mopidy@main-hall.service", True), (f"{'x' * 247}.service", True), (f"{'x' * 248}.service", False),
        ("", False), ("mopidy", False), ("mopidy@bar.socket", False), ("mopidy@.service", False), (".service", False),
        ("mopidy@../x.service", False), ("/etc/x.service", False), ("mopidy*.service", False), ("[m]x.service", False),
        ("-M@x.service", False), ("--force.service", False), ("a@b@c.service", False), ("mopidy@bar.service\n", False),
        ("mopidy@\x1b[31m.service", False), (r"mopidy@main\x2dhall.service", False), ("mopidy@b r.service", False),
        ("mopidy@b\u0430r.service", False), ("mopidy@bar.service;id", False), ("\nmopidy.service", False),
    ],
)  # fmt: skip
def test_the_names_that_are_passed_to_a_command(name: str, plain: bool) -> None:
    assert bool(is_plain(name)) == plain


LISTENS = "LISTEN 0      128    127.0.0.1:6681 0.0.0.0:* cgroup:"


@pytest.mark.parametrize(
    ("sockets", "groups"),
    [
        (f"{LISTENS}/x.slice/b.service\n{LISTENS}/x.slice/a.service\n", ["/x.slice/a.service", "/x.slice/b.service"]),
        (f"{LISTENS}/system.slice/mpd.socket\n" * 2, ["/system.slice/mpd.socket"]),
        (f"{LISTENS}unreachable:798\n", []),
        (f"{LISTENS}/\n", []),
        ("", []),
    ],
)  # fmt: skip
def test_the_control_groups_that_sockets_were_made_in(sockets: str, groups: list[str]) -> None:
    assert groups_in(sockets) == groups


@pytest.mark.parametrize(
    ("group", "unit"),
    [
        ("/system.slice/system-mopidy.slice/mopidy@bar.service", BAR),
        ("/user.slice/user-7.slice/user@7.service/app.slice/x.service", Unit("x.service", 7)),
        ("/user.slice/user-7.slice/session-3.scope", None),
        ("/system.slice/mpd.socket", Unit("music.service")),
        ("/system.slice/-x.socket", None),
        ("/", None),
    ],
)
def test_the_service_that_listens_at_a_port(
    group: str, unit: Unit | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, says in (("ss", f"{LISTENS}{group}"), ("systemctl", "music.service")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{says}'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(systemd, "PATH", f"{tmp_path}:/usr/bin:/bin")
    assert systemd.unit_at(6600) == unit


RUNS = """ExecStart={ path=/usr/bin/mopidy ; argv[]=/usr/bin/mopidy --config /etc/mopidy/bar.conf ; ignore_errors=no ; \
start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }
MainPID=4242
NRestarts=3
Id=mopidy@bar.service
ActiveState=active
SubState=running
Result=success
"""
START = ("/usr/bin/mopidy", "--config", "/etc/mopidy/bar.conf")


def test_what_systemd_says() -> None:
    bar, ssh, nothing = parse_show(
        f"{RUNS}\nId=ssh.service\nActiveState=failed\nSubState=failed\nResult=exit-code\n\nX"
    )
    assert bar == UnitStatus("mopidy@bar.service", "active", "running", "success", 4242, 3, START)
    assert (bar.state, bar.history) == ("active (running)", "active (running), started again by systemd 3 times before")
    assert (ssh.main, ssh.restarts, ssh.start, ssh.state) == (0, 0, (), "failed (exit-code)")
    assert nothing == UnitStatus("")


@pytest.mark.parametrize(
    ("unit", "kill", "failed", "commands"),
    [
        (BAR, False, False, ["systemctl restart mopidy@bar.service"]),
        (
            BAR, True, False,
            ["systemctl kill --signal=KILL mopidy@bar.service", "systemctl restart mopidy@bar.service"],
        ),
        (
            BAR, False, True,
            ["systemctl reset-failed mopidy@bar.service", "systemctl restart mopidy@bar.service"],
        ),
        (Unit("mopidy.service", 7), False, False, ["systemctl --user restart mopidy.service"]),
    ],
)  # fmt: skip
def test_the_commands_that_restart(unit: Unit, kill: bool, failed: bool, commands: list[str]) -> None:
    assert [" ".join(each) for each in systemd.restarting(unit, kill, failed)] == commands


def test_a_manager_that_hangs_or_says_no_is_an_error_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = tmp_path / "systemctl"
    monkeypatch.setattr(systemd, "PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(systemd, "ANSWER", 0.5)
    monkeypatch.setenv("SECRET", "x")
    stub.write_text('#!/bin/sh\necho "Id=$*${SECRET}"\n')
    stub.chmod(0o755)
    assert systemd.show(BAR).id == f"show {systemd.PROPERTIES} mopidy@bar.service"
    for script, said in (("echo 'Unit is masked.' >&2; exit 1", "Unit is masked."), ("exit 4", "ended with 4")):
        stub.write_text(f"#!/bin/sh\n{script}\n")
        with pytest.raises(OSError, match=said):
            systemd.show(BAR)
    stub.write_text("#!/bin/sh\nexec sleep 10\n")
    with pytest.raises(TimeoutError, match="has not answered"):
        systemd.show(BAR)
    monkeypatch.setattr(systemd, "PATH", str(tmp_path / "empty"))
    with pytest.raises(FileNotFoundError):
        systemd.show(BAR)
