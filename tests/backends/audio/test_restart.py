"""When a zone can be restarted, and what its plan says. Tables, no I/O."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from backends.audio import restart
from backends.audio.mopidy import unwell
from backends.audio.mopidy.players import ListedPlayer, moment
from backends.audio.mopidy.process import PlayerProcess
from backends.audio.mopidy.restart import MOPIDY
from backends.audio.mopidy.restart import queue as queue_of_mopidy
from backends.audio.mpd.restart import MPD
from backends.audio.mpd.restart import queue as queue_of_mpd
from backends.audio.restart import ASK, KILL, PlayerUnit, blocked, offer, out_of_reach, plan, player_unit, with_remedy
from backends.audio.systemd import Unit, UnitStatus
from backends.contract import Expect, Health, Id, Refused, Remedy, Risk, State, Test, Unknown, Why

BAR, MINE = Unit("mopidy@bar.service"), Unit("mopidy.service", 1000)
ZONE = Id("h", "zone", "127.0.0.1:6681")
RUNS = UnitStatus(BAR.name, "active", "running", "success", 7, 2)
FAILED = UnitStatus(BAR.name, "failed", "failed", "start-limit-hit", 0, 5)
DENIED = Unknown(Why.DENIED, "it may not be read")


@pytest.mark.parametrize(
    ("unit", "uid", "reason"),
    [
        (BAR, 0, ""), (BAR, 1000, ""), (MINE, 1000, ""), (MINE, 0, "mopidy.service is of user 1000's own manager"),
        (None, 0, "process 7 is no unit's: somebody started it by hand"),
        (Unit("-x.service"), 0, "the name of -x.service cannot be passed to a command"),
    ],
)  # fmt: skip
def test_whom_nobody_can_be_asked_about(unit: Unit | None, uid: int, reason: str) -> None:
    assert out_of_reach(7, unit, uid) == reason


@pytest.mark.parametrize(
    ("unit", "seen", "found"),
    [
        (BAR, RUNS, PlayerUnit(BAR, 7, "active (running), started again by systemd 2 times before", "active")),
        (
            Unit("ssh.service"),
            UnitStatus("ssh.service", main=3),
            "it is in ssh.service, whose main process is another: 3",
        ),
        (BAR, FAILED, "is another: none"),
    ],
)
def test_a_player_is_its_unit_s_main_process_or_has_none(unit: Unit, seen: UnitStatus, found: Any) -> None:
    answer = player_unit(7, unit, seen)
    if isinstance(found, PlayerUnit):
        assert answer == found
    else:
        assert isinstance(answer.unit, Unknown)
        assert answer.unit.why is Why.NOT_APPLICABLE
        assert found in answer.unit.detail


@pytest.mark.parametrize(
    ("unit", "uid", "active", "lacking", "reason"),
    [
        (BAR, 0, "active", "no", ""), (BAR, 1000, "active", "", ""), (BAR, 1000, "active", "no", "no"),
        (BAR, 1000, "failed", "", ""), (BAR, 1000, "", "", ""), (BAR, 0, "inactive", "", ""),
        (BAR, 1000, "inactive", "", "mopidy@bar.service is inactive, and the root helper starts nothing: "
         "sudo systemctl start mopidy@bar.service"),
        (MINE, 1000, "inactive", "no", ""),
    ],
)  # fmt: skip
def test_who_may_restart_it(unit: Unit, uid: int, active: str, lacking: str, reason: str) -> None:
    assert blocked(unit, uid, active, lacking) == reason


KILLED = "sh -c 'sudo systemctl kill --signal=KILL mopidy@bar.service; sudo systemctl restart mopidy@bar.service'"
ONE = "sudo systemctl restart mopidy@bar.service"


@pytest.mark.parametrize(
    ("how", "unit", "seen", "shell"),
    [
        (ASK, BAR, RUNS, ONE), (KILL, BAR, RUNS, KILLED),
        (ASK, BAR, FAILED, f"sh -c 'sudo systemctl reset-failed mopidy@bar.service; {ONE}'"),
        (ASK, MINE, RUNS, "systemctl --user restart mopidy.service"),
    ],
)  # fmt: skip
def test_the_plan_says_what_is_done_and_what_is_lost(how: str, unit: Unit, seen: UnitStatus, shell: str) -> None:
    queue = "its queue is lost" if seen.main else ""
    made = plan(offer(ZONE, unit, False, ""), how, unit, seen, queue, ["127.0.0.1:6682"], 5.0)
    (step,) = made.steps
    assert step.shell == shell
    assert ("SIGKILL" in step.text) == (how == KILL)
    assert list(made.interrupts) == [*([queue] if queue else []), "127.0.0.1:6682, which is in the same unit"]
    assert made.expect == (Expect(ZONE, "pid", seen.main, restart.WITHIN, Test.DIFFERS),)
    assert [(each.what, each.raw) for each in made.based_on] == [
        ("unit", unit.name), ("ActiveState", seen.state), ("MainPID", str(seen.main)),
        ("NRestarts", str(seen.restarts)),
    ]  # fmt: skip
    assert {each.read_from for each in made.based_on} == {f"systemctl show {unit.name}"}


@pytest.mark.parametrize(("before", "now", "known"), [(7, 7, False), (7, 8, True), (7, 0, None), (0, 7, True)])
def test_whether_it_was_restarted(before: int, now: int, known: bool | None) -> None:
    made = restart.step(BAR, False, structs.replace(RUNS, main=before))
    assert restart.replaced(made, structs.replace(RUNS, main=now)) is known


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (queue_of_mopidy(False, True), "then it continues with its queue: core/restore_state is on"),
        (queue_of_mopidy(False, False), "its queue is lost: core/restore_state is off"),
        (queue_of_mopidy(False, DENIED), "lost, unless core/restore_state is on: it may not be read"),
        (queue_of_mopidy(True, True), "its queue is lost: SIGKILL saves nothing"),
        (queue_of_mpd(False, {"state_file": "/x"}), "then it continues with its queue (state_file)"),
        (queue_of_mpd(True, {"state_file": "/x"}), "the queue that it saved last: SIGKILL saves nothing"),
        (queue_of_mpd(False, {"port": "6600"}), "its queue is lost: no state_file is set"),
        (queue_of_mpd(True, {}), "its queue is lost"),
        (queue_of_mpd(False, DENIED), "its queue is lost, unless a state_file is set: it may not be read"),
    ],
)
def test_what_becomes_of_a_queue(said: str, words: str) -> None:
    assert words in said


@pytest.mark.parametrize(("how", "seen"), [("now", RUNS), ("", RUNS), ("\x1b", RUNS), (KILL, FAILED)])
def test_what_cannot_be_done_is_refused(how: str, seen: UnitStatus) -> None:
    with pytest.raises(Refused):
        plan(offer(ZONE, BAR, False, ""), how, BAR, seen, "", (), 5.0)


@pytest.mark.parametrize(("hung", "how"), [(False, ASK), (True, KILL)])
def test_one_that_hangs_is_not_asked_to_end(hung: bool, how: str) -> None:
    made = offer(ZONE, BAR, hung, "")
    assert (made.risk, made.args[0].default) == (Risk.DISRUPTIVE, how)


def test_a_unit_without_a_process_is_known_by_what_its_file_starts(tmp_path: Path) -> None:
    bar, mpd, bare = (tmp_path / name for name in ("bar.conf", "mpd.conf", "bare.conf"))
    bar.write_text("[http]\nport = 6681\n")
    mpd.write_text('# port "6602"\n  port\t"6601"\nstate_file "/x"\n')
    bare.write_text("")
    mopidy = ("/usr/bin/mopidy", "--config", str(bar))
    assert MOPIDY.answers_at(mopidy, "127.0.0.1:6681")
    assert not MOPIDY.answers_at(mopidy, "127.0.0.1:6682")
    for file, port in ((mpd, 6601), (bare, 6600), (tmp_path / "none", 6600)):
        for start in (("/usr/bin/mpd", "--systemd", str(file)), ("mpd", "--no-daemon", str(file))):
            assert [each for each in range(6600, 6603) if MPD.answers_at(start, f"127.0.0.1:{each}")] == [port]


@pytest.mark.parametrize(
    ("argv", "mopidy", "mpd"),
    [
        (("/usr/bin/mpd", "--systemd"), False, True), (("mpd",), False, True), (("mpd", "--kill"), False, False),
        (("/usr/bin/mpd", "--version"), False, False), (("/bin/sh", "/usr/bin/mpd"), False, False),
        (("/usr/bin/python3", "/usr/bin/mopidy"), True, False), (("mopidy", "config"), False, False),
        (("mpdscribble",), False, False), ((), False, False),
    ],
)  # fmt: skip
def test_whose_command_line_it_is(argv: tuple[str, ...], mopidy: bool, mpd: bool) -> None:
    assert (MOPIDY.is_server(argv), MPD.is_server(argv)) == (mopidy, mpd)


SECOND = ListedPlayer(9, ZONE.local, 0.0)


@pytest.mark.parametrize(
    ("meant", "now", "last", "said"),
    [
        (None, PlayerUnit(DENIED), "", ""),
        (None, PlayerUnit(BAR, 0, "failed (signal)"), "", "; mopidy@bar.service is failed (signal)"),
        (None, PlayerUnit(BAR, 0, "failed (signal)"), "x", "; mopidy@bar.service is failed (signal); its log ends: x"),
        (
            SECOND,
            PlayerUnit(BAR, 9, "active (running)"),
            "",
            f"; process 9, started {moment(0)}, has no HTTP frontend there",
        ),
    ],
)
def test_why_nobody_answers(meant: ListedPlayer | None, now: PlayerUnit, last: str, said: str) -> None:
    assert unwell.why(meant, now, last) == said


def test_one_that_does_not_answer_is_told_by_its_process_and_its_unit() -> None:
    hung, now = (
        Health(State.HUNG, "no answer", Remedy("restart it if it stays so")),
        PlayerUnit(BAR, 7, "active (running)"),
    )
    assert with_remedy(hung, PlayerUnit(DENIED), ZONE) == hung
    told = with_remedy(hung, now, ZONE)
    assert (told.sentence, told.remedy) == ("no answer", Remedy("restart mopidy@bar.service", "restart", ZONE))
    process, offers = PlayerProcess(7, "alsasink device=hw:bar", "bar", "bar.conf"), (offer(ZONE, BAR, True, ""),)
    zone = unwell.zone(ZONE, process, now, offers, None, 5.0)
    assert (zone.name, zone.unit, zone.offers, zone.pid) == ("bar", BAR.name, offers, Unknown())
    assert {link.relation for link in zone.links} == {"pcm", "mixer", "stream"}
    gone = unwell.zone(ZONE, PlayerProcess(), PlayerUnit(BAR), offers, zone, 6.0)
    assert (gone.name, gone.links, [key.space for key in gone.keys]) == ("bar", zone.links, ["tcp"])
