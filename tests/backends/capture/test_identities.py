"""Every identity of the boards' table."""

from __future__ import annotations

import pytest

from backends.capture.identities import ATLYS, OPSIS, identify


@pytest.mark.parametrize(
    ("ids", "release", "serial", "expected"),
    [
        ("2a19:5442", "0101", "", (OPSIS, "operational")),
        ("2a19:5441", "0001", "", (OPSIS, "jtag")),
        ("2a19:5441", "0002", "", (OPSIS, "eeprom")),
        ("2a19:5441", "0003", "", (OPSIS, "serial")),
        ("2a19:5441", "0011", "", (OPSIS, "test-serial")),
        ("2a19:5441", "0012", "", (OPSIS, "test-audio")),
        ("2a19:5441", "0013", "", (OPSIS, "test-uvc")),
        ("2a19:5441", "0099", "", (OPSIS, "unknown")),
        ("2a19:5440", "0000", "", (OPSIS, "unconfigured")),
        ("04b4:8613", "a001", "", (OPSIS, "unconfigured")),
        ("2a19:5445", "0001", "", None),
        ("1443:0007", "0000", "", (ATLYS, "unconfigured")),
        ("1d50:60b5", "0000", "", (ATLYS, "unconfigured")),
        ("1d50:60b6", "0001", "", (ATLYS, "jtag")),
        ("1d50:60b6", "0010", "", (ATLYS, "test")),
        ("1d50:60b6", "0013", "", (ATLYS, "test-uvc")),
        ("1d50:60b7", "", "", (ATLYS, "operational")),
        ("1D50:60B7", "0101", "", (ATLYS, "operational")),
        ("04e2:1410", "0003", "", None),
        ("16c0:06ad", "0001", "hw_nexys", (ATLYS, "jtag")),
        ("16c0:06ad", "0004", "hw_opsis", (OPSIS, "jtag")),
        ("16c0:06ad", "ff00", "", (OPSIS, "jtag")),
        ("16c0:06ad", "0007", "else", None),
        ("08bb:27c5", "0100", "", None),
        ("", "", "", None),
    ],
)
def test_identify(ids: str, release: str, serial: str, expected: tuple[str, str] | None) -> None:
    vendor, _, product = ids.partition(":")
    assert identify(vendor, product, release, serial) == expected
