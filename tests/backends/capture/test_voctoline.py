"""What each line of a core changes, and the line for each action. Lines from real cores 1.3 and 2.4."""

from __future__ import annotations

import pytest
from msgspec import structs

from backends.capture.voctoline import CoreState, NotVoctocore, after_line, command, on_air

CORE = CoreState(a="cam1", b="cam2", composite="fullscreen", stream="live")


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        ("video_status cam2 grabber", {"a": "cam2", "b": "grabber"}),
        ("composite_mode picture_in_picture", {"composite": "picture_in_picture"}),
        (
            "composite_mode_and_video_status side_by_side_equal b c",
            {"composite": "side_by_side_equal", "a": "b", "b": "c"},
        ),
        ("composite_modes fullscreen,picture_in_picture", {"composites": ("fullscreen", "picture_in_picture")}),
        ("composite_modes ", {}),
        ("stream_status live", {"stream": "live"}),
        ("stream_status blank pause", {"stream": "blank pause"}),
        ("stream_status blinded blinder", {"stream": "blank blinder"}),
        ('audio_status {"cam1": 1.0, "cam2": 0}', {"audio": {"cam1": 1.0, "cam2": 0.0}}),
        ('audio_status {"cam1": {}, "cam2": "loud"}', {"audio": {}}),
        ("composite |pip(cam1,cam2)", {"composite": "|pip", "a": "cam1", "b": "cam2"}),
        ('port_report [{"name": "cam1"}]', {"generation": 2}),
        ("error unknown command report_ports", {}),
        ("message cut start talk42", {}),
        ("value talk 42 Opening keynote", {}),
        ("source_restarted cam1", {}),
        ('server_config {"mix": {"sources": "a, b"}}', {"sources": ("a", "b"), "blanks": ()}),
        (
            'server_config {"mix": {"sources": "a"}, "stream-blanker": {"enabled": "true", "sources": "pause,no"}}',
            {"sources": ("a",), "blanks": ("pause", "no")},
        ),
        (
            'server_config {"mix": {"sources": "a"}, "blinder": {"enabled": "true"}, '
            '"composites": {"full.alpha-b": "0", "PIP.a": "*", "pip.b": "*"}}',
            {"sources": ("a",), "blanks": ("blinder",), "composites": ("full", "pip")},
        ),
    ],
)
def test_a_line_changes(line: str, changes: dict[str, object]) -> None:
    assert after_line(CORE, line) == structs.replace(CORE, **changes)


@pytest.mark.parametrize(
    "line",
    ["", "HTTP/1.1 400 Bad Request", "SSH-2.0-OpenSSH", "video_status", "stream_status x", "server_config []",
     "audio_status {", "composite pip", "\x00\x01", "220 mail ESMTP"],
)  # fmt: skip
def test_a_stranger_is_told_by_its_line(line: str) -> None:
    with pytest.raises(NotVoctocore):
        after_line(CORE, line)


def test_hostile_names_are_cleaned() -> None:
    core = after_line(CORE, 'server_config {"mix": {"sources": "\\u001b[31mcam,\\u202ecam2"}}')
    assert not any(ord(char) < 32 or char == "\u202e" for name in core.sources for char in name)


@pytest.mark.parametrize(
    ("composite", "expected"),
    [("fullscreen", "cam1"), ("full", "cam1"), ("|full", "cam1"), ("side_by_side_equal", "cam1 + cam2"), (None, None)],
)
def test_on_air(composite: str | None, expected: str | None) -> None:
    assert on_air(structs.replace(CORE, composite=composite)) == expected


@pytest.mark.parametrize(
    ("action", "value", "first", "second"),
    [
        ("cut-a", "grabber", "set_video_a grabber", "cut fullscreen(grabber,cam2)"),
        ("cut-a", "cam2", "set_video_a cam2", "cut fullscreen(cam2,cam1)"),
        ("cut-b", "grabber", "set_video_b grabber", "cut fullscreen(cam1,grabber)"),
        ("cut-b", "cam1", "set_video_b cam1", "cut fullscreen(cam2,cam1)"),
        ("composite", "pip", "set_composite_mode pip", "cut pip(cam1,cam2)"),
        ("live", "", "set_stream_live", "set_stream_live"),
        ("blank", "pause", "set_stream_blank pause", "set_stream_blank pause"),
    ],
)
def test_command(action: str, value: str, first: str, second: str) -> None:
    assert command(CORE, action, value) == first
    assert command(structs.replace(CORE, generation=2), action, value) == second
