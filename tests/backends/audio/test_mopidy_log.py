"""What Mopidy's log lines mean, in the formats of 3.x, 4.x and those that people set themselves."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from backends.audio.mopidy.log import LogLine, bad, entries, fault, report
from backends.contract import Unknown

NOW = datetime(2026, 11, 25, 16, 40).timestamp()
BUSY = "GStreamer error: Could not open audio device for playback. Device is being used by another application."

THREE = f"""\
  the end of something before
INFO     2026-11-25 16:32:07,656 [16481:MainThread] mopidy.commands
  Starting Mopidy frontends: HttpFrontend
ERROR    2026-11-25 16:32:08,105 [16481:MainThread] mopidy.audio.gst
  {BUSY}
WARNING  2026-11-25 16:32:08,105 [16481:Core-5 (_actor_loop)] mopidy.core.tracklist
  Track is not playable: file:///music/a.flac
"""
FOUR = """\
16:32:07 WARNING  MainThread mopidy.config
                  Ignoring config section 'local'
         ERROR    Audio-2 (_actor_loop) mopidy.audio.gst
                  GStreamer error: Could not open audio device for
                  playback. Device is being used by another
                  application.
"""
ONE = f"2026-11-25 16:32:08,105 ERROR mopidy.audio.gst: {BUSY}\n2026-11-25 16:32:09 INFO mopidy: x"
BARE = f"ERROR [16481:MainThread] mopidy.audio.gst: {BUSY}\nERROR {BUSY}"


def lines(text: str, at: float = NOW) -> list[LogLine]:
    return [LogLine(at, line) for line in text.splitlines()]


@pytest.mark.parametrize("text", [THREE, FOUR, ONE, BARE], ids=["3.x", "4.x", "one line", "no time"])
def test_the_message_is_read_in_every_format(text: str) -> None:
    said = [entry.text for entry in entries(lines(text)) if entry.level == "ERROR"]
    assert said
    assert set(said) == {BUSY}


def test_a_message_is_as_old_as_it_says_and_else_as_its_line() -> None:
    assert [entry.at for entry in bad(entries(lines(THREE)))] == [NOW - 472 + 0.105] * 2
    assert {entry.at for entry in bad(entries(lines(FOUR)))} == {NOW}
    later = THREE.replace("16:32", "23:32")  # a clock that was set back
    assert {entry.at for entry in bad(entries(lines(later)))} == {NOW}


def test_a_traceback_belongs_to_its_message_and_is_bounded() -> None:
    text = "ERROR    2026-11-25 16:32:08,105 [1:M] mopidy.core\n  it broke\nTraceback (most recent call last):\n"
    (entry,) = entries(lines(text + "  File x\n" * 500))
    assert entry.text.startswith("it broke Traceback (most recent call last): File x")
    assert len(entry.text) == 300


def test_what_the_terminal_would_act_on_does_not_get_through() -> None:
    (entry,) = entries(lines("WARNING  2026-11-25 16:32:08,105 [1:M] mopidy.x\n  a\x1b]0;pwned\x07\x9bb\u202e"))
    assert entry.text.isprintable()


def test_the_latest_come_first_and_repetitions_once() -> None:
    text = "".join(f"ERROR mopidy.x: {word}\n" for word in ("a", "b", "a", "c", "c"))
    assert [entry.text for entry in bad(entries(lines(text)))] == ["c", "a", "b"]
    assert [entry.text for entry in bad(entries(lines(text)), 2)] == ["c", "a"]
    assert bad(entries(lines("INFO mopidy.x: fine"))) == ()


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (BUSY, "device busy"),
        ("GStreamer error: Could not open audio device for playback.", "device cannot be opened"),
        ("GStreamer error: Could not get/set settings from/on resource.", "device cannot be opened"),
        ("GStreamer error: Error outputting to audio device. The device has been disconnected.", "device lost"),
        ("GStreamer error: pa_stream_writable_size() failed: Connection terminated", "sound server gone"),
        ("GStreamer error: Failed to connect: Connection refused", "sound server gone"),
        ('Failed to create audio output "nosuch": no element', "output unknown"),
        ("GStreamer error: Your GStreamer installation is missing a plug-in.", "no decoder or no such sink"),
        ("Track is not playable: file:///a", ""),
    ],
)
def test_failures_of_the_output_are_known_by_their_words(said: str, word: str) -> None:
    found = fault(entries(lines(f"ERROR    2026-11-25 16:32:08,105 [1:M] mopidy.audio.gst\n  {said}")), 0, True)
    assert (found[0].word if found else "") == word


def test_a_failure_stands_until_it_plays_again() -> None:
    failed_at = NOW - 472 + 0.105
    for played, word in ((0.0, "device busy"), (failed_at - 1, "device busy"), (failed_at + 0.01, "")):
        said = report(lines(THREE), "bar.log", played, False)
        assert (said.fault if isinstance(said.fault, str) else "") == word
        assert [item.raw for item in said.evidence] == [BUSY] * bool(word)
        day = time.strftime("%d %b", time.localtime(failed_at))
        assert isinstance(said.log, tuple)
        assert said.log[1] == f"{day} 16:32:08 ERROR {BUSY}"


def test_a_log_without_troubles_is_empty_and_not_unknown() -> None:
    said = report(lines("INFO mopidy.x: fine"), "bar.log", 0, True)
    assert said.log == ()
    assert isinstance(said.fault, Unknown)


def test_what_befell_a_playing_zone_is_over_when_somebody_has_stopped_it() -> None:
    """Mopidy goes on saying "playing" when its device has left."""
    text = "ERROR    2026-11-25 16:32:08,105 [1:M] mopidy.audio.gst\n  The device has been disconnected."
    assert report(lines(text), "bar.log", 0, True).fault == "device lost"
    assert isinstance(report(lines(text), "bar.log", 0, False).fault, Unknown)
    assert isinstance(report(lines(f"{THREE}{text}"), "bar.log", 0, False).fault, Unknown)  # and what was before it
