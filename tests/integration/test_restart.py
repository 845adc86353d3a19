"""Restarting a zone, on a real systemd with real Mopidys as its units, by the project's own programs."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.beds.foh import Foh, mpd, unit
from tests.integration.beds.mopidy import make_track
from tests.integration.beds.netns import wait_for
from tests.integration.beds.systemd import Systemd, UnitMopidy, UserManager


@pytest.fixture(scope="module")
def systemd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systemd]:
    manager = Systemd(tmp_path_factory.mktemp("systemd"))
    yield manager
    manager.close()


def test_one_that_hangs_is_restarted_from_the_console_and_its_incident_clears(systemd: Systemd, tmp_path: Path) -> None:
    with unit(systemd, tmp_path) as (zone, foh), foh.console() as console:
        old = zone.pid
        console.wait_for("bar")
        console.wait_for("0 CRIT")
        systemd.kill("STOP", zone.unit)
        console.wait_for("accepts but does not answer")
        console.press("f")
        console.wait_for("systemctl kill --signal=KILL mopidy@bar.service")
        assert "its queue is lost" in console.text
        assert f"MainPID: {old}" in console.text
        console.press("right", "enter")
        console.wait_for("done: restart mopidy@bar.service")
        console.wait_for("0 CRIT")
        new = zone.pid
        assert new not in (0, old)
        assert zone.answers()
        entries = foh.journal("what", "who", "text", "data")
    did = [(what, who) for what, who, *_ in entries if who != "foh"]
    assert [what for what, _ in did] == ["planned", "step", "done"]
    life = [what for what, who, text, _ in entries if who == "foh" and "does not answer" in text]
    assert (life[0], life[-1]) == ("opened", "cleared")
    planned, done = (json.loads(data) for what, *_, data in entries if what in ("planned", "done"))
    assert {"what": "MainPID", "raw": str(old)}.items() <= planned["plan"]["based_on"][2].items()
    assert list(done["after"].values()) == [str(new)]


def test_one_that_was_hung_before_anybody_looked_can_be_restarted_and_asked_to_end(
    systemd: Systemd, tmp_path: Path
) -> None:
    """What is stopped is continued by systemd, to end: so it can still save its queue."""
    with unit(systemd, tmp_path, core="restore_state = true") as (zone, foh):
        track = make_track(zone.media / "a.flac", "A")
        zone.play(track)
        old = zone.pid
        systemd.kill("STOP", zone.unit)
        assert foh.incidents()[0][::2] == ("SOURCE-HUNG", "restart")
        code, said = foh.act("restart", "how=ask", "--yes")
        assert code == 0, said
        assert "continues with its queue: core/restore_state is on" in said
        assert zone.pid not in (0, old)
        wait_for("its music", lambda: zone.rpc("core.playback.get_state") == "playing")  # it answers sooner
        assert zone.rpc("core.tracklist.get_length") == 1
        if not moves(zone, foh):
            assert [incident[::2] for incident in foh.incidents()] == [("ZONE-STALLED", "again")]
            assert foh.act("again", "--yes")[0] == 0
        assert foh.incidents() == []


def moves(zone: UnitMopidy, foh: Foh) -> bool:
    """Whether it plays on. Once in some twenty times Mopidy 3.4.1 goes on with its queue by its word only, and stands
    still where it was."""
    stood = zone.rpc("core.playback.get_time_position")
    wait_for("its move", lambda: zone.rpc("core.playback.get_time_position") != stood or foh.incidents())
    return zone.rpc("core.playback.get_time_position") != stood


def test_what_does_not_obey_sigterm_is_killed(systemd: Systemd, tmp_path: Path) -> None:
    """Systemd would wait for a minute and a half, as it does without being told otherwise."""
    with unit(systemd, tmp_path, "KillSignal=SIGCONT") as (zone, foh):
        old = zone.pid
        code, said = foh.act("restart", "how=kill", "--yes")
        assert code == 0, said
        assert "SIGKILL" in said
        assert zone.pid not in (0, old)


def test_one_that_was_killed_after_it_had_restarted_a_player_does_not_do_so_twice(
    systemd: Systemd, tmp_path: Path
) -> None:
    with unit(systemd, tmp_path) as (zone, foh):
        code, said = foh.act("restart", "--yes")
        assert code == 0, said
        new = zone.pid
        with contextlib.closing(sqlite3.connect(foh.state / "journal.sqlite")) as journal:  # as a kill leaves it
            journal.execute("UPDATE run SET outcome = '', owner = 'a process of before'")
            journal.execute("UPDATE step SET ended = NULL")
            journal.commit()
        code, said = foh.act("resume", "--yes")
        assert code == 0, said
        assert "step 1: done" in said
        assert zone.pid == new


def test_what_systemd_has_restarted_by_itself_is_counted(systemd: Systemd, tmp_path: Path) -> None:
    with unit(systemd, tmp_path) as (zone, foh):
        old = zone.pid
        systemd.kill("KILL", zone.unit)
        wait_for("its next process", lambda: zone.pid not in (0, old) and zone.answers())
        code, said = foh.act("restart")
        assert code == 0, said
        assert "NRestarts: 1" in said
        assert f"MainPID: {zone.pid}" in said


def test_a_unit_that_was_started_too_often_is_told_in_systemd_s_words_and_started_again(
    systemd: Systemd, tmp_path: Path
) -> None:
    limit = "[Unit]\nStartLimitBurst=1\nStartLimitIntervalSec=1000"
    with unit(systemd, tmp_path, limit) as (zone, foh):
        systemd.kill("KILL", zone.unit)
        wait_for("the limit", lambda: systemd.ctl("show", "-P", "ActiveState", zone.unit) == "failed")
        ((code, what, action),) = foh.incidents()
        assert (code, action) == ("SOURCE-REFUSED", "restart")
        assert "mopidy@bar.service is failed (signal), started again by systemd 1 times before" in what
        status, said = foh.act("restart", "--yes")
        assert status == 0, said
        assert "systemctl reset-failed mopidy@bar.service" in said
        assert zone.answers()


def test_a_new_instance_behind_an_old_one_is_restarted_once_that_has_ended(systemd: Systemd, tmp_path: Path) -> None:
    with unit(systemd, tmp_path) as (zone, foh):
        zone.stop()
        with zone.by_hand(systemd) as old:
            zone.begin(wait=False)
            wait_for("the new one", lambda: "HTTP server startup failed" in (zone.folder / "unit.log").read_text())
            ((code, _, action),) = foh.incidents()
            assert (code, action) == ("ZONE-OLD-INSTANCE", "")
            assert foh.zone()["pid"] == old
            assert "no unit's: somebody started it by hand" in str(foh.zone()["unit"])
            assert "it does not offer 'restart'" in foh.act("restart")[1]
        ((code, what, action),) = foh.incidents()
        assert (code, action) == ("SOURCE-REFUSED", "restart")
        assert "has no HTTP frontend there" in what
        status, said = foh.act("restart", "--yes")
        assert status == 0, said
        assert foh.incidents() == []


# An ordinary user, who may read this checkout wherever it is; whose processes' sockets these are it still may not see.
ORDINARY = (
    "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search",
)  # fmt: skip
WITH_OURS = {"PATH": f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin"}


@pytest.fixture
def helper(systemd: Systemd) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the root helper, installed as the doctor says and permitted to an ordinary user, through the real sudo."""
    systemd.bus()
    for folder in ("/etc/sudoers.d", "/usr/local/lib"):
        if systemd.run("mountpoint", "-q", folder).returncode:
            systemd.run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
    ran = systemd.foh("doctor", "--install-helper", "nobody", "--yes")
    assert ran.returncode == 0, ran.stderr
    return lambda *words: systemd.run(*ORDINARY, "sudo", "-n", "/usr/local/lib/foh/foh-helper", *words)


def test_an_ordinary_user_restarts_another_user_s_player_once_the_helper_is_installed(
    systemd: Systemd, tmp_path: Path
) -> None:
    """By the real sudo. Whose process it is that listens, the kernel does not tell this user, but in which unit."""
    systemd.bus()
    for folder in ("/etc/sudoers.d", "/usr/local/lib"):
        systemd.run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
    with unit(systemd, tmp_path) as (zone, foh):
        foh.who = ORDINARY
        (tmp_path / "journal").mkdir(mode=0o777)
        (tmp_path / "journal").chmod(0o777)
        old = zone.pid
        assert "(blocked: needs foh's root helper: run `foh doctor`)" in foh.act()[1]
        assert foh.act("restart", "--yes")[0] == 1
        _, said = foh("doctor")
        assert "MISSING  permission to restart mopidy@bar.service: an ordinary user" in said
        asked = "doctor --install-helper op"  # what it says is for who is called op here
        assert asked in said
        assert foh("doctor", "--install-helper", "nobody", "--yes") == (1, "foh: only root can install the helper\n")
        assert systemd.run("sh", "-c", "echo n | foh doctor --install-helper nobody", env=WITH_OURS).returncode == 1
        ran = systemd.run("sh", "-c", "echo y | foh doctor --install-helper nobody", env=WITH_OURS)
        assert ran.returncode == 0, ran.stderr
        assert "player-restart" in ran.stdout
        assert "nobody ALL=(root) NOPASSWD: /usr/local/lib/foh/foh-helper" in ran.stdout
        assert "ok       permission to restart mopidy@bar.service: by sudo" in foh("doctor")[1]
        systemd.kill("STOP", zone.unit)
        code, said = foh.act("restart", "--yes")
        assert code == 0, said
        assert zone.pid not in (0, old)
        assert foh.zone()["pid"] == zone.pid
        assert {who for who, what in foh.journal("who", "what") if what == "done"} == {"op"}
        ran = systemd.run(*ORDINARY, "sudo", "-n", "/usr/bin/id")
        assert ran.returncode == 1
        assert "a password is required" in ran.stderr
        systemd.run("chmod", "666", "/usr/local/lib/foh/helper/players.py")
        assert "not root's alone: everybody can write to /usr/local/lib/foh/helper/players.py" in foh.act()[1]
        systemd.run("chmod", "777", "/usr/local/lib/foh")
        _, said = foh("doctor")
        assert asked not in said
        assert "make it root's alone first: everybody can write to /usr/local/lib/foh" in said
        systemd.run("rm", "-r", "/usr/local/lib/foh")


def test_a_unit_of_the_user_s_own_manager_needs_no_root(systemd: Systemd) -> None:
    manager = UserManager(systemd)
    with tempfile.TemporaryDirectory(prefix="foh-user-") as name:
        folder = Path(name)
        for each in (folder, folder / "bar", folder / "journal"):
            each.mkdir(exist_ok=True)
            each.chmod(0o777)
        with unit(systemd, folder, manager=manager) as (zone, foh):
            foh.who, foh.env = ORDINARY, {**foh.env, **manager.env}
            old = zone.pid
            manager.kill("STOP", zone.unit)
            code, said = foh.act("restart", "--yes")
            assert code == 0, said
            asked = "'systemctl --user kill --signal=KILL mopidy@bar.service; systemctl --user restart"
            assert asked in said
            assert zone.pid not in (0, old)
            foh.who = ()
            assert f"mopidy@bar.service is of user {manager.UID}'s own manager" in str(foh.zone()["unit"])


def test_an_mpd_that_hangs_is_restarted_and_goes_on_with_its_queue(systemd: Systemd, tmp_path: Path) -> None:
    with mpd(systemd, tmp_path, f'state_file "{tmp_path}/state"') as (zone, foh):
        zone.play("A")
        old = zone.pid
        assert (foh.zone()["pid"], foh.zone()["unit"]) == (old, "mpd.service")
        systemd.kill("STOP", zone.unit)
        ((code, _, action),) = foh.incidents()
        assert (code, action) == ("SOURCE-HUNG", "restart")
        said = " ".join(foh.act("restart")[1].split())
        assert "the queue that it saved last: SIGKILL saves nothing" in said
        code, said = foh.act("restart", "how=ask", "--yes")
        assert code == 0, said
        assert "continues with its queue (state_file)" in said
        assert zone.pid not in (0, old)
        assert "state: play" in zone.tell("status")
        assert foh.incidents() == []


def test_an_mpd_that_has_failed_is_told_in_systemd_s_words_and_started_again(systemd: Systemd, tmp_path: Path) -> None:
    with mpd(systemd, tmp_path) as (zone, foh):
        (zone.folder / "mpd.conf").rename(zone.folder / "elsewhere")
        systemd.kill("KILL", zone.unit)
        wait_for("its end", lambda: systemd.ctl("show", "-P", "ActiveState", zone.unit) == "failed")
        (zone.folder / "elsewhere").rename(zone.folder / "mpd.conf")
        ((code, what, action),) = foh.incidents()
        assert (code, action) == ("SOURCE-REFUSED", "restart")
        assert "mpd.service is failed (" in what
        status, said = foh.act("restart", "--yes")
        assert status == 0, said
        assert zone.answers()


def test_whose_process_has_the_socket_that_systemd_made_is_known_to_an_ordinary_user(
    systemd: Systemd, tmp_path: Path
) -> None:
    """As Debian starts its MPD."""
    systemd.bus()
    with mpd(systemd, tmp_path, socket=True) as (zone, foh):
        (tmp_path / "journal").mkdir(mode=0o777)
        (tmp_path / "journal").chmod(0o777)
        assert foh.zone()["pid"] == zone.pid
        foh.who = ORDINARY
        assert (foh.zone()["pid"], foh.zone()["unit"]) == (zone.pid, "mpd.service")


def test_every_action_of_a_unit_s_zone_works_and_none_can_lie(systemd: Systemd, tmp_path: Path) -> None:
    with unit(systemd, tmp_path) as (zone, _):
        zone.play(*(make_track(zone.media / f"{each}.flac", each) for each in "abc"))
        module = "tests.integration.beds.acting"
        ran = systemd.run(sys.executable, "-m", module, zone.endpoint)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert "restart" in ran.stdout.split()


def test_the_helper_restarts_players_that_run_and_nothing_else(
    systemd: Systemd, tmp_path: Path, helper: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    with unit(systemd, tmp_path) as (zone, _):
        systemd.service("ssh.service", ["/bin/sleep", "1000"], tmp_path)
        systemd.service("mopidy.service", ["/bin/sleep", "1000"], tmp_path)
        systemd.service("mopidy@.service", ["/usr/bin/mopidy", "--config", "%i"], tmp_path)
        systemd.service("mpd-idle.service", ["/usr/bin/mpd", "--no-daemon"], tmp_path)
        (systemd.units / "alias.service").symlink_to(systemd.units / "mopidy@bar.service")
        systemd.ctl("start", "ssh.service", "mopidy.service")
        names = ("ssh.service", "mopidy.service", zone.unit)
        before = [systemd.main(each) for each in names]
        for name in (
            "ssh.service", "mopidy.service", "no-such.service", "/run/systemd/system/mopidy@bar.service", "mopidy@../x",
            "mopidy@\x1b[31m.service", r"mopidy@\x62ar.service", "mopidy*.service", "--all", "ssh", "foh-test.target",
            "mopidy@neverexisted.service", "mpd-idle.service", "alias.service",
        ):  # fmt: skip
            for more in ([], ["kill"]):
                ran = helper("player-restart", name, *more)
                assert (ran.returncode, ran.stdout) == (2, ""), (name, ran.stderr)
                assert ran.stderr.startswith("foh helper: ")
        assert [systemd.main(each) for each in names] == before
        assert systemd.ctl("show", "-P", "ActiveState", "mopidy@neverexisted.service") == "inactive"
        (systemd.units / zone.unit).chmod(0o666)
        assert "not root's alone: everybody can write" in helper("player-restart", zone.unit).stderr
        (systemd.units / zone.unit).chmod(0o644)
        ran = helper("player-restart", zone.unit, "kill")
        assert ran.returncode == 0, ran.stderr
        wait_for("its next process", lambda: zone.pid not in (0, before[-1]) and zone.answers())
        systemd.ctl("kill", "--signal=KILL", "ssh.service", "mopidy.service")
