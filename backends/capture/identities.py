"""The USB identities of capture boards and their modes. Pure.

The identities are those of HDMI2USB-mode-switch (boards.py) and HDMI2USB's USB-IDs page. Not capture boards, although
of the same family: the LowSpeedIO expansion (2a19:5445) and the Atlys's serial chip (04e2:1410), extra consoles.
"""

from __future__ import annotations

OPSIS, ATLYS = "Numato Opsis", "Digilent Atlys"
OPERATIONAL = "operational"

# vendor:product, of every release
ANY = {
    "2a19:5442": (OPSIS, OPERATIONAL),
    "2a19:5440": (OPSIS, "unconfigured"),
    "04b4:8613": (OPSIS, "unconfigured"),  # its bare USB chip: the EEPROM is wrong
    "1d50:60b7": (ATLYS, OPERATIONAL),
    "1d50:60b5": (ATLYS, "unconfigured"),
    "1443:0007": (ATLYS, "unconfigured"),  # the maker's own firmware
}
# vendor:product of boards whose bcdDevice gives the mode
BY_RELEASE = {
    "2a19:5441": (OPSIS, {"0001": "jtag", "0002": "eeprom", "0003": "serial"}),
    "1d50:60b6": (ATLYS, {"0001": "jtag", "0010": "test"}),
}
TESTS = {"0011": "test-serial", "0012": "test-audio", "0013": "test-uvc"}
JTAG = "16c0:06ad"  # ixo-usb-jtag, which serial number or release assigns to a board
JTAG_SERIALS = {"hw_nexys": ATLYS, "hw_opsis": OPSIS}
JTAG_RELEASES = {"0001": ATLYS, "0004": OPSIS, "ff00": OPSIS}


def may_be(vendor: str, product: str) -> bool:
    """Whether these ids can be a capture board's."""
    ids = f"{vendor}:{product}".lower()
    return ids in ANY or ids in BY_RELEASE or ids == JTAG


def identify(vendor: str, product: str, release: str = "", serial: str = "") -> tuple[str, str] | None:
    """The board's model and mode; None for any other device. Arguments as in sysfs: four hex digits.

    The mode is `unknown` for a release that is in no table.
    """
    ids = f"{vendor}:{product}".lower()
    if ids in ANY:
        return ANY[ids]
    if ids in BY_RELEASE:
        model, modes = BY_RELEASE[ids]
        return model, (modes | TESTS).get(release, "unknown")
    if ids == JTAG:
        found = JTAG_SERIALS.get(serial) or JTAG_RELEASES.get(release.lower())
        return (found, "jtag") if found else None
    return None
