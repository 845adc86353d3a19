"""Streams at a sound server: what is said of them, what can be done, and what is judged. Tables, no I/O."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from msgspec import convert, structs

from backends.audio.pulse import model
from backends.audio.pulse.lines import Failure, Move, ServerReport, SinkInput
from backends.audio.pulse.rules import expected_sink, wrong_sink
from backends.audio.pulse.source import folders, own, runs
from backends.contract import Evidence, Gone, Id, Key, Offer, Refused, Severity, State, Unknown, Why
from backends.failures import health_of
from backends.kinds import OUTPUT, Stream, Zone
from backends.testing.payloads import PAYLOADS
from tests.backends.worlds import FakeView

ADDRESS = "unix:/run/pulse/native"
SINKS = {"zone1": 0, "zone2": 1, "zone3": 4}
BAR = SinkInput(7, "zone1", "mopidy", "100", True)
FOYER = SinkInput(8, "zone2", "mopidy", "200", True)
TOLD = ServerReport("pulseaudio 16.1", 71355, SINKS, (BAR, FOYER))
ZONE = Zone(
    id=Id("h", "zone", "bar"), name="bar", at=1000.0, state="playing", pid=100, output="pulsesink device=zone1",
    evidence=(Evidence(OUTPUT, "audio/output in bar.conf", 1000.0, "pulsesink device=zone1"),),
)  # fmt: skip
DOUBT = Unknown(Why.UNREACHABLE, "it hangs")


def but(thing: Any, **changes: Any) -> Any:
    return structs.replace(thing, **changes)


def stream(first: str = "zone1", report: ServerReport = TOLD, **changes: Any) -> Stream:
    """The bar's stream, as the report has it now."""
    now = but(report, streams=(but(BAR, **changes), FOYER))
    return model.streams("h", ADDRESS, now, {(now.run, BAR.index): first}, 1000.0)[0]


# --- what is said ------------------------------------------------------------------------------------------


def test_a_stream_is_found_by_the_process_that_it_belongs_to() -> None:
    one = stream()
    assert (one.state, one.sink, one.first, one.pid, one.program) == ("playing", "zone1", "zone1", 100, "mopidy")
    assert one.keys == (Key("stream-owner", "100", "h"),)
    assert (one.name, one.id.local) == ("mopidy 100", f"7@{ADDRESS}")


@pytest.mark.parametrize(
    "changes", [{"here": False}, {"pid": ""}, {"pid": "0"}, {"pid": "-1"}, {"pid": "\x1b[2J"}, {"pid": "9" * 40}]
)
def test_one_of_another_machine_or_of_nobody_is_no_zone_s(changes: dict[str, Any]) -> None:
    assert stream(**changes).keys == ()


def test_one_between_two_sinks_is_in_none_that_is_known() -> None:
    between = stream(sink="")
    assert isinstance(between.sink, Unknown)
    assert between.beside == ()


def test_what_else_plays_into_its_sink_is_said() -> None:
    assert stream().beside == ()
    assert stream(sink="zone2").beside == ("mopidy 200",)


@pytest.mark.parametrize("text", PAYLOADS.values(), ids=PAYLOADS)
def test_no_text_of_a_client_or_of_a_sink_reaches_the_screen_as_it_is(text: str) -> None:
    report = but(TOLD, sinks=SINKS | {text: 9}, server=text)
    hostile = stream(report=report, program=text, sink=text, asked=text, first=text)
    evidence = (part for each in hostile.evidence for part in (each.raw, each.read_from))
    said = (hostile.name, *map(str, (hostile.sink, hostile.asked, hostile.first, hostile.program)), *evidence)
    assert all(line.isprintable() for line in (*said, *hostile.offers[0].args[0].choices))


def test_where_a_stream_was_seen_first_is_kept_until_it_or_its_server_ends() -> None:
    first = model.first_sinks({}, TOLD)
    moved = but(TOLD, streams=(but(BAR, sink="zone2"), FOYER))
    assert model.first_sinks(first, moved) == first == {(71355, 7): "zone1", (71355, 8): "zone2"}
    assert model.first_sinks(first, but(TOLD, streams=(FOYER,))) == {(71355, 8): "zone2"}
    assert model.first_sinks(first, but(moved, run=1)) == {(1, 7): "zone2", (1, 8): "zone2"}
    assert model.first_sinks({}, but(TOLD, streams=(but(BAR, sink=""),))) == {}


@pytest.mark.parametrize(
    ("number", "state"),
    [(0, State.ABSENT), (1, State.DENIED), (6, State.REFUSED), (7, State.WRONG), (8, State.HUNG), (11, State.REFUSED),
     (17, State.WRONG)],
)  # fmt: skip
def test_each_failure_has_its_own_words(number: int, state: State) -> None:
    health = health_of(model.failure(Failure(number, "so it said"), ADDRESS))
    assert health.state is state
    assert number == 0 or ADDRESS in health.sentence


# --- what can be done --------------------------------------------------------------------------------------


def plan(target: Stream, sink: str, report: ServerReport = TOLD, action: str = "move") -> Any:
    return model.plan(Offer(target.id, action, ""), {"sink": sink}, "h", ADDRESS, report, 1000.0)


def test_a_move_says_its_command_who_is_mixed_with_and_what_must_be_seen() -> None:
    made = plan(stream(), "zone2")
    assert convert(made.steps[0].args, Move) == Move(7, 1)
    assert made.steps[0].shell == f"pactl -s {ADDRESS} move-sink-input 7 zone2"
    assert made.interrupts == ("mopidy 200, which is heard there already",)
    assert [(e.target, e.field, e.wanted) for e in made.expect] == [(stream().id, "sink", "zone2")]
    assert plan(stream(), "zone3").interrupts == ()


@pytest.mark.parametrize(
    ("sink", "action", "streams", "says"),
    [
        ("zone1", "move", (BAR,), "already"),
        ("zone9", "move", (BAR,), "no sink"),
        ("zone2", "move", (FOYER,), "has ended"),
        ("zone2", "kill", (BAR,), "no action"),
    ],
)
def test_what_cannot_be_is_refused(sink: str, action: str, streams: Any, says: str) -> None:
    with pytest.raises(Refused, match=says):
        plan(stream(), sink, but(TOLD, streams=streams), action)


def test_with_a_single_sink_there_is_nowhere_to_go() -> None:
    (offer,) = stream(report=but(TOLD, sinks={"zone1": 0})).offers
    assert offer.blocked == "there is no other sink"


# --- what is judged ----------------------------------------------------------------------------------------


def judged(zone: Any, there: Any) -> Any:
    return wrong_sink(zone, FakeView(1000.0, {(ZONE.id, "stream"): there} if there else {}))


@pytest.mark.parametrize(
    ("output", "first", "sink", "wanted"),
    [
        ("pulsesink device=zone1", "zone2", "zone2", "zone1"),  # moved before anybody looked
        ("pulsesink device=zone1", "zone2", "zone1", ""),  # and moved back since
        ('queue ! pulsesink server="unix:/x" device="zone1"', "zone2", "zone2", "zone1"),
        ("pulsesink device=zone9", "zone1", "zone1", "zone9"),  # which nobody has
        ("pulsesink device=@DEFAULT_SINK@", "zone2", "zone2", ""),
        ("pulsesink device=4", "zone2", "zone2", ""),
        ("pulsesink", "zone1", "zone2", "zone1"),
        ("alsasink device=zone1", "zone2", "zone2", "zone1"),
        ("alsasink device=zone1", "zone2", "zone1", ""),
        ("alsasink device=room", "zone1", "zone2", "zone1"),  # no sink is called so: ALSA's own name
        ("alsasink device=room", "zone1", "zone1", ""),
        ("alsasink ! pulsesink device=zone1", "zone1", "zone1", ""),
        ("tee name=t ! pulsesink device=zone1 t. ! pulsesink device=zone2", "zone2", "zone2", ""),
        (Unknown(Why.DENIED), "zone1", "zone2", "zone1"),
        (Unknown(Why.DENIED), "zone1", "zone1", ""),
    ],
)
def test_a_zone_that_plays_into_another_sink_than_its_own_is_named(
    output: Any, first: str, sink: str, wanted: str
) -> None:
    verdict = judged(but(ZONE, output=output), stream(first, sink=sink))
    assert not verdict.undecided
    assert [f.code for f in verdict.findings] == (["ZONE-WRONG-SINK"] if wanted else [])
    for finding in verdict.findings:
        assert (finding.severity, finding.root) == (Severity.CRIT, ZONE.id)
        assert f"into sink {sink} instead of {wanted}" in finding.cause
        assert any("mopidy 100 plays into" in each.raw for each in finding.evidence)


@pytest.mark.parametrize(
    ("output", "asked", "wanted"),
    [
        ("pulsesink", "zone1", "zone1"),
        ("pulsesink", "lobby", "lobby"),  # PipeWire takes a sink that nobody has for the default one
        ("alsasink device=zone1", "zone2", ""),  # ALSA's device stands for another sink than it is called
        ("pulsesink", "", ""),
    ],
)
def test_what_the_server_was_asked_for_goes_before_everything_else(output: str, asked: str, wanted: str) -> None:
    verdict = judged(but(ZONE, output=output), stream("zone2", sink="zone2", asked=asked))
    assert [f"instead of {wanted}" in f.cause for f in verdict.findings] == [True] * bool(wanted)
    for finding in verdict.findings:
        assert f"it asked for {asked}" in [each.raw for each in finding.evidence]


def test_its_remedy_moves_the_stream_back_and_its_evidence_names_who_is_mixed_with() -> None:
    there = stream(sink="zone2")
    (finding,) = judged(ZONE, there).findings
    (remedy,) = finding.remedies
    assert (remedy.action, remedy.target, remedy.args) == ("move", there.id, {"sink": "zone1"})
    assert [each.raw for each in finding.evidence if each.what == "plays there too"] == ["mopidy 200"]
    assert ZONE.evidence[0] in finding.evidence


def test_while_the_sink_is_gone_nothing_is_offered_but_to_bring_it_back_or_to_stop() -> None:
    there = stream(report=but(TOLD, sinks={"zone2": 1}), sink="zone2")
    (finding,) = judged(ZONE, there).findings
    assert finding.cause.endswith("instead of zone1, which does not exist")
    bring, stop = finding.remedies
    assert "bring sink zone1 back" in bring.text
    assert (bring.action, stop.action, stop.target) == ("", "stop", ZONE.id)


@pytest.mark.parametrize(
    ("zone", "there", "severity", "undecided"),
    [
        ({"state": "paused"}, {"corked": True}, Severity.WARN, False),
        ({"state": "stopped"}, {}, None, False),  # what its process still plays is silence
        ({"state": DOUBT}, {}, None, True),
        ({}, {"sink": ""}, None, True),
    ],
)
def test_how_bad_it_is_and_when_nothing_is_known(zone: Any, there: Any, severity: Any, undecided: bool) -> None:
    verdict = judged(but(ZONE, **zone), stream(**{"sink": "zone2", **there}))
    assert ([f.severity for f in verdict.findings], verdict.undecided) == ([severity] if severity else [], undecided)


def test_an_end_speaks_against_it_and_not_knowing_does_not() -> None:
    there = stream(sink="zone2")
    assert judged(ZONE, Gone(there.id, there, 999.0)) == judged(Gone(ZONE.id, ZONE, 999.0), there)
    assert judged(ZONE, Gone(there.id, there, 999.0)).undecided is False
    assert judged(ZONE, None).undecided  # none, or several of the same process
    assert judged(ZONE, but(there, sink=DOUBT, offers=())).undecided


def test_a_board_that_has_left_is_to_blame_for_its_sink() -> None:
    board = Gone(Id("h", "board", "1-1"), None, 990.0)
    there = stream(sink="zone2")
    view = FakeView(1000.0, {(ZONE.id, "stream"): there, (ZONE.id, "board"): board})
    assert wrong_sink(ZONE, view).findings[0].root == board.id


def test_what_an_alsa_device_stands_for_is_not_known() -> None:
    alsa = but(ZONE, output="alsasink device=zone1")
    found = expected_sink(alsa, stream(sink="zone2"))
    assert found
    assert "meant to be the sink" in found.not_known


# --- discovery ---------------------------------------------------------------------------------------------


def test_a_server_is_found_where_it_has_its_socket_and_lives(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    folder = tmp_path / "pulse"
    folder.mkdir()
    assert folders(environ, 1000) == [folder, Path("/run/pulse")]
    assert own(environ) is None
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "native"))
        assert not runs(folder), "a socket alone may be systemd's: to connect would start the server"
        for pid, alive in (("0", False), ("x", False), (str(os.getpid()), True)):
            (folder / "pid").write_text(f"{pid}\n")
            assert runs(folder) is alive
        assert own(environ) == (f"unix:{folder}/native", folder)
    assert own(environ | {"PULSE_SERVER": "tcp:127.0.0.1"}) == ("tcp:127.0.0.1", None)
