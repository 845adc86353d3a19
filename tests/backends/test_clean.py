"""The first wall: nothing that a terminal acts on comes through it, and nothing that can be read is lost in it."""

from __future__ import annotations

import random
import unicodedata
from urllib.parse import quote

import msgspec
import pytest

from backends.contract import LONGEST_NAME, Id, clean
from backends.testing.payloads import CONTROLS, MARKUP, PAYLOADS, SHAPES

PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize("name", PAYLOADS)
def test_every_payload_becomes_one_bounded_line_that_no_terminal_acts_on(name: str) -> None:
    line = clean(PAYLOADS[name])
    assert len(line) <= 200
    assert not {unicodedata.category(char) for char in line} & FORBIDDEN
    assert clean(line) == line
    line.encode()  # no surrogate is left


@pytest.mark.parametrize("name", MARKUP)
def test_markup_is_data_and_comes_through_verbatim(name: str) -> None:
    assert clean(MARKUP[name]) == MARKUP[name]


@pytest.mark.parametrize("name", CONTROLS)
def test_what_is_printable_around_a_control_stays_in_order(name: str) -> None:
    kept = [char for char in clean(CONTROLS[name]) if char in PRINTABLE and char != " "]
    assert kept == [char for char in CONTROLS[name] if char in PRINTABLE and char != " "]


@pytest.mark.parametrize(
    ("name", "line"),
    {
        "bidi": "A\ufffdB\ufffdC",
        "zero-width": "AB",
        "combining": "A\u0301\u0301\u0301…",
        "long": "L" * 199 + "…",
        "surrogate": "A\ufffdB",
        "zwj-emoji": "A\U0001f468\U0001f469\U0001f467B",
        "flag": SHAPES["flag"],
        "tags": "AB",
        "wide": SHAPES["wide"],
        "nothing": "",
    }.items(),
)
def test_what_cannot_be_seen_goes_and_what_can_be_seen_stays(name: str, line: str) -> None:
    assert clean(SHAPES[name]) == line


def test_printable_ascii_goes_through_unchanged_up_to_the_limit() -> None:
    for _ in range(500):
        text = "".join(random.choices(PRINTABLE, k=random.randrange(200)))
        assert clean(text) == text
    assert clean(PRINTABLE * 10, 400) == (PRINTABLE * 10)[:399] + "…"


@pytest.mark.parametrize("mark", ["\u0301", "\u20dd", "\u0903", "\u0e34", "\u1dc0", "\U0001d165"])
def test_marks_of_no_class_make_a_tower(mark: str) -> None:
    assert unicodedata.category(mark) in ("Mn", "Me", "Mc")
    assert clean(f"a{mark * 50}b{mark}") == f"a{mark * 3}b{mark}"


def test_a_syllable_of_an_indian_script_stays_whole() -> None:
    assert clean("\u0921\u093c\u0940\u0902") == "\u0921\u093c\u0940\u0902"


@pytest.mark.parametrize("name", PAYLOADS)
def test_an_id_is_made_of_text_that_can_be_shown(name: str) -> None:
    payload = PAYLOADS[name]
    id = Id(payload, payload, payload)
    assert (id.host, id.kind, id.local) == (clean(payload, LONGEST_NAME),) * 3
    assert Id.parse(str(id)) == id
    assert Id.parse(str(Id("h", "k", "x")).replace("x", quote(payload, safe="", errors="replace"))).local.isprintable()
    assert msgspec.json.decode(msgspec.json.encode({"host": "h", "kind": "k", "local": "a\x1b[2J"}), type=Id) == Id(
        "h", "k", "a\x1b[2J"
    )


def test_any_character_at_all_is_made_harmless() -> None:
    for start in range(0, 0x110000, 0x100):
        line = clean("".join(map(chr, range(start, start + 0x100))), 1000)
        assert not {unicodedata.category(char) for char in line} & FORBIDDEN, hex(start)
