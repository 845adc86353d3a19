"""The first wall: nothing that a terminal acts on comes through it, and nothing that can be read is lost in it."""

from __future__ import annotations

import random
import unicodedata

import pytest

from backends.contract import clean
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
        "combining": "A\u0301\u0301…",
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


def test_any_character_at_all_is_made_harmless() -> None:
    for start in range(0, 0x110000, 0x100):
        line = clean("".join(map(chr, range(start, start + 0x100))), 1000)
        assert not {unicodedata.category(char) for char in line} & FORBIDDEN, hex(start)
