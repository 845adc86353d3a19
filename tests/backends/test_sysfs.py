from __future__ import annotations

import shutil
import threading
from collections import Counter
from pathlib import Path

import pytest

from backends import sysfs
from backends.contract import Unknown, Why
from tests.backends.hardware.tree import tree
from tests.patience import until

LOOKS = 5000  # at least, while it comes and goes


@pytest.mark.parametrize(
    ("raw", "text", "number"),
    [
        (b"12\n", "12", 12),
        (b" 3\n", "3", 3),
        (b"20mA\n", "20mA", 20),
        (b"-1\n", "-1", -1),
        (b"\n", "", Why.NOT_APPLICABLE),
        (b"0x10\n", "0x10", Why.MALFORMED),
        (b"1" * 19, "1" * 19, Why.MALFORMED),
        (b"\xff\x1b[2J\n", "\N{REPLACEMENT CHARACTER}␛[2J", Why.MALFORMED),
        (b"x" * 5000, Why.MALFORMED, Why.MALFORMED),
        (None, Why.NOT_APPLICABLE, Why.NOT_APPLICABLE),
    ],
)
def test_attributes(tmp_path: Path, raw: bytes | None, text: str | Why, number: int | Why) -> None:
    if raw is not None:
        (tmp_path / "a").write_bytes(raw)
    for got, wanted in ((sysfs.attribute(tmp_path, "a"), text), (sysfs.number(tmp_path, "a"), number)):
        assert (got.why if isinstance(got, Unknown) else got) == wanted


def test_errors_of_the_file_have_their_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for error, why in ((PermissionError(13, "no"), Why.DENIED), (OSError(19, "No such device"), Why.UNREACHABLE)):

        def fail(*args: object, error: OSError = error) -> None:
            raise error

        monkeypatch.setattr(sysfs, "read_text", fail)
        got = sysfs.attribute(tmp_path, "a")
        assert isinstance(got, Unknown)
        assert got.why is why


def test_devices_and_their_interfaces(tmp_path: Path) -> None:
    device = tree(tmp_path)
    (device.parent / "1-1.1:1.0").mkdir()
    assert list(sysfs.usb_devices(tmp_path)) == ["1-1", "1-1.1"]
    assert [(i.number, i.cls, i.driver) for i in sysfs.interfaces(device)] == [(0, "01", ""), (2, "03", "usbhid")]
    assert sysfs.usb_devices(tmp_path / "none") == {}
    assert sysfs.interfaces(tmp_path / "none") == []


def test_what_leaves_while_it_is_looked_for_is_not_there(tmp_path: Path) -> None:
    interface, over, found = tmp_path / "1-1:1.0", threading.Event(), Counter[int]()

    def flap() -> None:
        while not over.is_set():
            (interface / "sound/card0").mkdir(parents=True)
            shutil.rmtree(interface)

    def both_seen() -> bool:
        found[len(sysfs.matching(tmp_path, "*/sound/card*"))] += 1
        return found.total() >= LOOKS and len(found) > 1

    flapping = threading.Thread(target=flap)
    flapping.start()
    try:
        until(both_seen, news=lambda seconds: None, seen=lambda: found)
    finally:
        over.set()
        flapping.join()
    assert set(found) == {0, 1}
