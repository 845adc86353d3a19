"""When a zone can be restarted, and what its plan says. Tables, no I/O."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backends import sudo
from backends.audio.mopidy import restart, unwell
from backends.audio.mopidy.players import Player, moment
from backends.audio.mopidy.process import Process
from backends.audio.mopidy.restart import ASK, KILL, Standing, beyond, blocked, offer, plan, standing, starts_at
from backends.audio.systemd import Shown, Unit
from backends.contract import Expect, Health, Id, Refused, Risk, State, Test, Unknown, Why

BAR, MINE = Unit("mopidy@bar.service"), Unit("mopidy.service", 1000)
ZONE = Id("h", "zone", "127.0.0.1:6681")
RUNS = Shown(BAR.name, "active", "running", "success", 7, 2)
FAILED = Shown(BAR.name, "failed", "failed", "start-limit-hit", 0, 5)
DENIED = Unknown(Why.DENIED, "it may not be read")


@pytest.mark.parametrize(
    ("unit", "uid", "reason"),
    [
        (BAR, 0, ""), (BAR, 1000, ""), (MINE, 1000, ""), (MINE, 0, "mopidy.service is of user 1000's own manager"),
        (None, 0, "process 7 is no unit's: somebody started it by hand"),
        (Unit("-x.service"), 0, "the name of -x.service is passed to no command"),
    ],
)  # fmt: skip
def test_whom_nobody_can_be_asked_about(unit: Unit | None, uid: int, reason: str) -> None:
    assert beyond(7, unit, uid) == reason


@pytest.mark.parametrize(
    ("unit", "seen", "found"),
    [
        (BAR, RUNS, Standing(BAR, 7, "active (running), started again by systemd 2 times before")),
        (Unit("ssh.service"), Shown("ssh.service", main=3), "it is in ssh.service, whose main process is another: 3"),
        (BAR, FAILED, "is another: none"),
    ],
)
def test_a_player_is_its_unit_s_main_process_or_has_none(unit: Unit, seen: Shown, found: Any) -> None:
    answer = standing(7, unit, seen)
    if isinstance(found, Standing):
        assert answer == found
    else:
        assert isinstance(answer.unit, Unknown)
        assert answer.unit.why is Why.NOT_APPLICABLE
        assert found in answer.unit.detail


@pytest.mark.parametrize(
    ("unit", "uid", "permitted", "reason"),
    [(BAR, 0, False, ""), (BAR, 1000, True, ""), (BAR, 1000, False, sudo.NEEDED), (MINE, 1000, False, "")],
)
def test_who_may_restart_it(unit: Unit, uid: int, permitted: bool, reason: str) -> None:
    assert blocked(unit, uid, permitted) == reason


KILLED = "sudo systemctl kill --signal=KILL mopidy@bar.service; sudo systemctl restart mopidy@bar.service"
ONE = "sudo systemctl restart mopidy@bar.service"


@pytest.mark.parametrize(
    ("how", "unit", "seen", "restores", "shell", "queue"),
    [
        (ASK, BAR, RUNS, True, ONE, "then it goes on with its queue: core/restore_state is on"),
        (ASK, BAR, RUNS, False, ONE, "its queue is lost: core/restore_state is off"),
        (ASK, BAR, RUNS, DENIED, ONE, "lost, unless core/restore_state is on: it may not be read"),
        (KILL, BAR, RUNS, True, KILLED, "its queue is lost: what is killed saves nothing"),
        (ASK, BAR, FAILED, False, f"sudo systemctl reset-failed mopidy@bar.service; {ONE}", None),
        (ASK, MINE, RUNS, True, "systemctl --user restart mopidy.service", "goes on with its queue"),
    ],
)
def test_the_plan_says_what_is_done_and_what_is_lost(
    how: str, unit: Unit, seen: Shown, restores: Any, shell: str, queue: str | None
) -> None:
    made = plan(offer(ZONE, unit, False, ""), how, unit, seen, restores, ["127.0.0.1:6682"], 5.0)
    (step,) = made.steps
    assert step.shell == shell
    assert ("SIGKILL" in step.text) == (how == KILL)
    *lost, other = made.interrupts
    assert [queue in each for each in lost if queue] == ([True] if queue else [])
    assert len(lost) == bool(queue)
    assert other == "127.0.0.1:6682, which is in the same unit"
    assert made.expect == (Expect(ZONE, "pid", seen.main, restart.WITHIN, Test.DIFFERS),)
    assert [(each.what, each.raw) for each in made.based_on] == [
        ("unit", unit.name), ("ActiveState", seen.state), ("MainPID", str(seen.main)),
        ("NRestarts", str(seen.restarts)),
    ]  # fmt: skip
    assert {each.read_from for each in made.based_on} == {f"systemctl show {unit.name}"}


@pytest.mark.parametrize(("how", "seen"), [("now", RUNS), ("", RUNS), ("\x1b", RUNS), (KILL, FAILED)])
def test_what_cannot_be_done_is_refused(how: str, seen: Shown) -> None:
    with pytest.raises(Refused):
        plan(offer(ZONE, BAR, False, ""), how, BAR, seen, True, (), 5.0)


@pytest.mark.parametrize(("hung", "how"), [(False, ASK), (True, KILL)])
def test_one_that_hangs_is_not_asked_to_end(hung: bool, how: str) -> None:
    made = offer(ZONE, BAR, hung, "")
    assert (made.risk, made.args[0].default) == (Risk.DISRUPTIVE, how)


def test_a_unit_without_a_process_is_known_by_what_its_file_starts(tmp_path: Path) -> None:
    config = tmp_path / "bar.conf"
    config.write_text("[http]\nport = 6681\n")
    starts = Shown(BAR.name, start=("/usr/bin/mopidy", "--config", str(config)))
    assert starts_at(starts, "127.0.0.1:6681")
    assert not starts_at(starts, "127.0.0.1:6682")
    assert not starts_at(Shown("x.service", start=("/usr/bin/x", "--config", str(config))), "127.0.0.1:6681")
    assert not starts_at(Shown(BAR.name), "127.0.0.1:6680")


SECOND = Player(9, ZONE.local, 0.0)


@pytest.mark.parametrize(
    ("meant", "now", "last", "said"),
    [
        (None, Standing(DENIED), "", ""),
        (None, Standing(BAR, 0, "failed (signal)"), "", "; mopidy@bar.service is failed (signal)"),
        (None, Standing(BAR, 0, "failed (signal)"), "x", "; mopidy@bar.service is failed (signal); its log ends: x"),
        (
            SECOND,
            Standing(BAR, 9, "active (running)"),
            "",
            f"; process 9, started {moment(0)}, has no HTTP frontend there",
        ),
    ],
)
def test_why_nobody_answers(meant: Player | None, now: Standing, last: str, said: str) -> None:
    assert unwell.why(meant, now, last) == said


def test_one_that_does_not_answer_is_told_by_its_process_and_its_unit() -> None:
    hung, now = Health(State.HUNG, "no answer", "restart it if it stays so"), Standing(BAR, 7, "active (running)")
    assert unwell.health(hung, Standing(DENIED), ZONE) == hung
    told = unwell.health(hung, now, ZONE)
    assert (told.sentence, told.remedy, told.action, told.target) == (
        "no answer", "restart mopidy@bar.service", "restart", ZONE,
    )  # fmt: skip
    process, offers = Process(7, "alsasink device=hw:bar", "bar", "bar.conf"), (offer(ZONE, BAR, True, ""),)
    zone = unwell.zone(ZONE, process, now, offers, None, 5.0)
    assert (zone.name, zone.unit, zone.offers, zone.pid) == ("bar", BAR.name, offers, Unknown())
    assert {link.relation for link in zone.links} == {"pcm", "mixer", "stream"}
    gone = unwell.zone(ZONE, Process(), Standing(BAR), offers, zone, 6.0)
    assert (gone.name, gone.links, [key.space for key in gone.keys]) == ("bar", zone.links, ["tcp"])
