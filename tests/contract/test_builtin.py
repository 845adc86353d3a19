"""The built-in backends keep the contract."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from backends.testing.beds import Bed
from backends.testing.faults import SOCKET_FAULTS
from backends.testing.suite import Contract
from tests.contract import beds, tree_beds


class TestMopidy(Contract):
    faults, actions = SOCKET_FAULTS, 9

    def bed(self, folder: Path) -> AbstractAsyncContextManager[Bed]:
        return beds.mopidy_bed(folder)


class TestMpd(Contract):
    faults, actions = SOCKET_FAULTS, 7

    def bed(self, folder: Path) -> AbstractAsyncContextManager[Bed]:
        return beds.mpd_bed(folder)


class TestVoctomix(Contract):
    faults, actions = SOCKET_FAULTS, 5

    def bed(self, folder: Path) -> AbstractAsyncContextManager[Bed]:
        return beds.voctomix_bed(folder)


class TestLxd(Contract):
    faults, actions = SOCKET_FAULTS, 5

    def bed(self, folder: Path) -> AbstractAsyncContextManager[Bed]:
        return beds.lxd_bed(folder)


class TestMixers(Contract):
    faults, actions = SOCKET_FAULTS, 3

    def bed(self, folder: Path) -> AbstractAsyncContextManager[Bed]:
        return beds.mixer_bed(folder)


class TestPulse(Contract):
    faults, actions = SOCKET_FAULTS, 1

    def bed(self, folder: Path) -> AbstractAsyncContextManager[Bed]:
        return beds.pulse_bed(folder)


class TestUsb(Contract):
    faults, actions = tree_beds.TREE_FAULTS, 5

    def bed(self, folder: Path) -> AbstractAsyncContextManager[Bed]:
        return tree_beds.tree_bed(folder, tree_beds.usb_bed)


class TestHdmi2Usb(Contract):
    faults, actions = tree_beds.TREE_FAULTS, 1

    def bed(self, folder: Path) -> AbstractAsyncContextManager[Bed]:
        return tree_beds.tree_bed(folder, tree_beds.hdmi2usb_bed)


class TestPcms(Contract):
    faults = tree_beds.TREE_FAULTS

    def bed(self, folder: Path) -> AbstractAsyncContextManager[Bed]:
        return tree_beds.tree_bed(folder, tree_beds.pcm_bed)
