from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backends.audio import alsa_proc
from backends.contract import Unknown, Why

RUNNING = """state: RUNNING
owner_pid   : 4242
trigger_time: 1234.567890123
tstamp      : 1300.000000001
delay       : 8820
avail       : 0
avail_max   : 0
-----
hw_ptr      : 1000
appl_ptr    : 9820
"""


def why(value: Any) -> Any:
    return value.why if isinstance(value, Unknown) else value


@pytest.mark.parametrize(
    ("text", "state", "owner", "hw_ptr", "begun"),
    [
        ("closed\n", "closed", Why.NOT_APPLICABLE, Why.NOT_APPLICABLE, Why.NOT_APPLICABLE),
        (RUNNING, "RUNNING", 4242, 1000, 1234.567890123),
        (RUNNING.replace("RUNNING", "XRUN"), "XRUN", 4242, 1000, 1234.567890123),
        (RUNNING.replace("4242", "0"), "RUNNING", Why.NOT_MEASURABLE, 1000, 1234.567890123),
        (RUNNING.replace("4242", "nobody"), "RUNNING", Why.MALFORMED, 1000, 1234.567890123),
        (RUNNING.replace("1234.5", "\x1b[2J"), "RUNNING", 4242, 1000, Why.MALFORMED),
        ("error -5\n", Why.MALFORMED, Why.MALFORMED, Why.MALFORMED, Why.MALFORMED),
        ("", Why.MALFORMED, Why.MALFORMED, Why.MALFORMED, Why.MALFORMED),
        ("state: \x1b[2J\n", Why.MALFORMED, Why.MALFORMED, Why.MALFORMED, Why.MALFORMED),
        (Unknown(Why.DENIED), Why.DENIED, Why.DENIED, Why.DENIED, Why.DENIED),
    ],
)
def test_status(text: Any, state: Any, owner: Any, hw_ptr: Any, begun: Any) -> None:
    assert tuple(map(why, alsa_proc.parse_status(text))) == (state, owner, hw_ptr, begun)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("access: RW_INTERLEAVED\nrate: 44100 (44100/1)\n", 44100),
        ("closed\n", Why.NOT_APPLICABLE),
        ("no setup\n", Why.NOT_APPLICABLE),
        ("rate: \n", Why.NOT_APPLICABLE),
    ],
)
def test_rate(text: str, rate: Any) -> None:
    assert why(alsa_proc.parse_rate(text)) == rate


def lay(root: Path, card: int, name: str, usbbus: str | None, *substreams: str) -> None:
    for substream in substreams:
        folder = root / f"card{card}" / substream
        folder.mkdir(parents=True)
        (folder / "status").write_text("closed\n")
        (folder / "hw_params").write_text("closed\n")
    (root / f"card{card}/id").write_text(name + "\n")
    if usbbus is not None:
        (root / f"card{card}/usbbus").write_text(usbbus)


def test_cards(tmp_path: Path) -> None:
    lay(tmp_path, 10, "office", "001/014\n", "pcm0p/sub0", "pcm0c/sub0")
    lay(tmp_path, 2, "PCH", None, "pcm0p/sub0", "pcm3p/sub0", "pcm3p/sub1")
    lay(tmp_path, 3, "left", "", "pcm0p/sub0")
    (tmp_path / "office").symlink_to("card10")
    found = {pcm.id.local: pcm for pcm in alsa_proc.pcms(tmp_path, "h", 1.0)}
    assert list(found) == ["hw:PCH,0", "hw:PCH,3", "hw:PCH,3,1", "hw:left,0", "hw:office,0"]
    assert [key.value for key in found["hw:PCH,0"].keys] == ["2", "PCH"]
    assert found["hw:PCH,3"].keys == ()
    assert [link.to.value for link in found["hw:office,0"].links] == ["001/014"]
    assert found["hw:PCH,0"].links == found["hw:left,0"].links == ()


def test_a_machine_without_sound_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        alsa_proc.pcms(tmp_path / "none", "h", 0.0)
