"""Columns, cells and lines. Tables, no I/O."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backends.audio.mopidy.zone import MOPIDY_ZONE, MopidyZone
from backends.contract import FieldSpec, Id, KindSpec, Observation, Remedy, Role, Unknown, Why
from backends.kinds import BOARD, INSTANCE, PCM, SOURCE, ZONE, Zone
from backends.shell import shell
from console.line import difference, fit, plain
from console.panes import detail
from console.panes.cells import age, cell, clock, sentence
from console.panes.columns import layout
from console.panes.header import tally
from console.panes.help import rows
from console.panes.incidents import _with_effects, trouble
from console.venue.incidents import command
from console.venue.journal import Journal
from console.venue.state import VenueState
from console.venue.venue import Venue
from tests import fleet

SAYS = fleet.source("s", "h")


@pytest.mark.parametrize(
    ("text", "width", "wanted"),
    [
        ("bar", 5, "bar  "),
        ("kitchen", 5, "kitc…"),
        ("kitchen", 0, ""),
        ("日本語", 4, "日 …"),
        ("日本語", 8, "日本語  "),
        ("Água", 4, "Água"),
    ],
)
def test_fit_is_exact_in_cells(text: str, width: int, wanted: str) -> None:
    assert fit(text, width) == wanted


@pytest.mark.parametrize(
    ("old", "new", "run"),
    [
        ((("abc", ""),), (("abc", ""),), None),
        ((("abc", ""),), (("abd", ""),), (2, 3)),
        ((("abc", ""),), (("xbd", ""),), (0, 3)),
        ((("abc", ""),), (("a", ""), ("b", "crit"), ("c", "")), (1, 2)),
        ((("a", ""), ("bc", "")), (("ab", ""), ("c", "")), None),
        ((("日本", ""),), (("日木", ""),), (0, 10_000)),
    ],
)
def test_only_the_cells_that_differ_are_painted(
    old: tuple[tuple[str, str], ...], new: tuple[tuple[str, str], ...], run: tuple[int, int] | None
) -> None:
    assert difference(old, new) == run


def test_nothing_found_is_not_well_before_all_have_been_heard(tmp_path: Path) -> None:
    here = Venue(VenueState("h"), Journal(tmp_path / "j"))
    here.state.add_kinds((ZONE, SOURCE))
    first, second = (Observation(source=fleet.source(name, "h"), at=1.0) for name in ("mopidy a", "mopidy b"))
    here.awaited = 2
    for heard, head, calm in (((), "reading…", "reading…"), ((first,), "reading…", "reading…"),
                              ((second,), "0 CRIT  0 warn", "nothing is wrong")):  # fmt: skip
        here.take(list(heard))
        said = plain(tally(here, 2.0, 160))
        assert said.strip().startswith(head)
        assert plain(trouble(here, None, 2.0, 80)[1]).strip() == calm


@pytest.mark.parametrize(
    ("width", "headings"),
    [
        (30, ["STATE", "PCM"]),
        (48, ["STATE", "POS", "VOL", "MUTE", "PCM"]),
        (59, ["STATE", "POS", "VOL", "GAIN", "MUTE", "PCM"]),
        (79, ["STATE", "TITLE", "POS", "VOL", "GAIN", "MUTE", "PCM"]),
        (110, ["STATE", "TITLE", "ARTIST", "POS", "VOL", "GAIN", "MUTE", "PCM"]),
    ],
)
def test_trouble_comes_before_titles(width: int, headings: list[str]) -> None:
    plan = layout(ZONE, width, 9)
    assert [column.spec.heading or column.spec.label.upper() for column in plan.columns] == headings


@pytest.mark.parametrize("kind", [ZONE, BOARD])
@pytest.mark.parametrize("width", range(20, 200, 7))
def test_columns_never_overflow(kind: object, width: int) -> None:
    plan = layout(kind, width, 14)  # type: ignore[arg-type]
    assert 2 + plan.name + sum(1 + column.width for column in plan.columns) <= width


VOLUME, STATE = FieldSpec("v", "volume", "%", Role.MEASURE), FieldSpec("s", "state", role=Role.STATE)


@pytest.mark.parametrize(
    ("value", "spec", "text"),
    [
        (40, VOLUME, "   40%"),
        (True, STATE, "yes   "),
        (83, FieldSpec("p", "position", "s", Role.MEASURE), "  1:23"),
        (-6.0, FieldSpec("g", "gain", "dB", Role.MEASURE), "-6.0 …"),
        (("a", "b"), STATE, "a, b  "),
        (Unknown(Why.NOT_YET), VOLUME, "     …"),
        (Unknown(Why.UNREACHABLE, "refused", 40), VOLUME, "   ?40"),
        (Unknown(Why.UNREACHABLE, "refused"), VOLUME, "     ?"),
        (Unknown(Why.DENIED), VOLUME, "denied"),
        (Unknown(Why.NOT_APPLICABLE), STATE, "-     "),
        (Unknown(Why.NOT_MEASURABLE), STATE, "n/m   "),
        (Unknown(Why.MALFORMED), STATE, "bad   "),
    ],
)
def test_cells(value: object, spec: FieldSpec, text: str) -> None:
    assert cell(value, spec, 6)[0] == text


@pytest.mark.parametrize(
    ("value", "kind", "style"),
    [
        ("XRUN", PCM, "crit"), ("closed", PCM, "dim"), ("RUNNING", PCM, ""), ("XRUN", ZONE, ""), ("XRUN", None, ""),
        ("Frozen", INSTANCE, "crit"), (False, PCM, "dim"), (True, PCM, ""),
    ],
)  # fmt: skip
def test_a_kind_says_which_words_are_alarming_and_which_are_quiet(
    value: object, kind: KindSpec | None, style: str
) -> None:
    assert cell(value, STATE, 8, kind)[1] == style


@pytest.mark.parametrize(
    ("effects", "width", "text"),
    [
        (0, 30, "no amplifier at USB port 1-1.3"), (2, 41, "no amplifier at USB port 1-1.3 +2 effects"),
        (1, 40, "no amplifier at USB port 1-1.3 +1 effect"), (2, 40, "no amplifier at USB port 1-1.3 +2"),
        (2, 20, "no amplifier at … +2"),
    ],
)  # fmt: skip
def test_effects_are_counted_in_words_where_there_is_room(effects: int, width: int, text: str) -> None:
    assert _with_effects("no amplifier at USB port 1-1.3", effects, width) == text


@pytest.mark.parametrize(("whole", "text"), [(7, "   6/7"), (Unknown(), "   6/?"), (None, "   6/?")])
def test_a_part_is_shown_with_its_whole(whole: object, text: str) -> None:
    assert cell(6, FieldSpec("r", "running", role=Role.MEASURE, of="i"), 6, None, whole)[0] == text


def test_the_help_has_the_keys_that_kinds_declare() -> None:
    shown = "\n".join(plain(line) for _, line in rows(False, [ZONE, PCM]))
    assert re.search(r"^ +m +mute the selected zone", shown, re.MULTILINE)
    assert "mute" not in "\n".join(plain(line) for _, line in rows(True, [ZONE, PCM]))
    assert "mute" not in "\n".join(plain(line) for _, line in rows(False, [PCM]))


def test_a_detail_shows_what_a_backend_adds_to_a_common_kind(tmp_path: Path) -> None:
    here = Venue(VenueState("h"), Journal(tmp_path / "j"))
    here.state.add_kinds((ZONE, MOPIDY_ZONE))
    zone = MopidyZone(id=Id("h", "zone", "bar"), name="bar", state="stopped", accounts=("spotify 12",))
    common = Zone(id=Id("h", "zone", "foyer"), name="foyer", state="stopped")
    here.take([Observation(upserts=(zone, common), source=SAYS, at=1.0)])

    def whole(id: Id) -> str:
        return "\n".join(plain(line) for _, line in detail.rows(here, id, 2.0, 100, []))

    assert re.search(r"streaming accounts +spotify 12", whole(zone.id))
    assert "streaming accounts" not in whole(common.id)
    assert re.search(r"state +stopped", whole(common.id))


def test_nothing_unknown_looks_fine() -> None:
    """No reason for not knowing is written like a value, and the sentence says the reason and the last value."""
    for why in Why:
        shown, style = cell(Unknown(why, "it hangs", 40), VOLUME, 6)
        assert shown.strip() != "40%"
        assert style == "dim"
        assert sentence(Unknown(why, "it hangs", 40), VOLUME) == f"{why.value}: it hangs; last 40"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (59, "59s"), (60, "1m"), (7200, "2h"), (90000, "1d")])
def test_ages(seconds: float, text: str) -> None:
    assert age(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (83.9, "1:23"), (3700, "1:01:40")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize("width", [79, 159])
def test_each_line_of_a_log_stands_by_itself_and_whole(tmp_path: Path, width: int) -> None:
    here = Venue(VenueState("h"), Journal(tmp_path / "j"))
    here.state.add_kinds((ZONE,))
    log = tuple(f"25 Nov 19:18:0{n} WARNING {word * 30}" for n, word in enumerate(("wave ", "salt ", "fish ")))
    zone = Zone(id=Id("h", "zone", "bar"), name="bar", state="stopped", log=log)
    here.take([Observation(upserts=(zone,), source=SAYS, at=1.0)])
    shown = [plain(line).rstrip() for _, line in detail.rows(here, zone.id, 2.0, width, [])]
    for n, word in enumerate(("wave", "salt", "fish")):
        (begins,) = [number for number, line in enumerate(shown) if f"19:18:0{n}" in line]
        assert "log" in shown[begins] if n == 0 else shown[begins].startswith(" " * 10)
        assert sum(line.count(word) for line in shown) == 30


@pytest.mark.parametrize(
    ("remedy", "wanted"),
    [
        (Remedy("call somebody"), ""),
        (Remedy("stop", "stop", Id("h", "zone", "127.0.0.1:6681")), "foh act zone/127.0.0.1:6681 stop"),
        (Remedy("back", "move", Id("h", "stream", "7"), {"sink": "a b"}), "foh act stream/7 move 'sink=a b'"),
    ],
)
def test_the_command_of_a_remedy_has_its_arguments(remedy: Remedy, wanted: str) -> None:
    assert shell(command(remedy)) == wanted


def test_no_line_of_the_help_is_cut_on_a_small_terminal() -> None:
    assert max(len(plain(line)) for _, line in rows(read_only=False)) <= 80
