"""The stock tier's machine: a PC in software, by QEMU, with the kernel that Debian ships."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.rig.guest.machine import MEMORY, Guest, fstab

# Runs QEMU, and fills its USB ports. It boots while the other tier's drills run, on the time that they leave.
EMULATOR = ("nice", "-n", "10", sys.executable, "-m", "tests.rig.devices.hubs")
PLAN9 = "trans=virtio,version=9p2000.L,msize=262144"
PROCESSOR = "Nehalem"  # for what a newer one can the kernel has drivers, which make a boot half as long again
# An emulated processor has neither the bugs nor the drifting clock that the kernel looks out for, at a price.
COMMAND_LINE = (
    "console=ttyS0", "root=/dev/vda", "rw", "init=/sbin/rig-start", f"rig=9p:{PLAN9}", "quiet", "panic=-1",
    "mitigations=off", "tsc=reliable", "fsck.mode=skip",
)  # fmt: skip


def guest(kernel: Path, initrd: Path, image: Path, folder: Path, shares: Sequence[Path]) -> Guest:
    """Nothing is written to the image, and nothing of the guest is on any network."""
    tags = {f"share{number}": share for number, share in enumerate(shares)}
    arguments = [
        "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio",
        "-machine", "pc", "-accel", "tcg,thread=multi", "-cpu", PROCESSOR, "-smp", "2", "-m", f"{MEMORY}M",
        "-kernel", str(kernel), "-initrd", str(initrd), "-append", " ".join(COMMAND_LINE),
        "-drive", f"file={escaped(image)},file.locking=off,format=raw,if=virtio,snapshot=on",  # UML locks what it reads
        "-device", "virtio-rng-pci", "-device", "virtio-serial-pci", "-device", "qemu-xhci,id=usb",
        *shared("rig", folder, ""),
        *(each for tag, share in tags.items() for each in shared(tag, share, ",readonly=on")),
    ]  # fmt: skip
    mounted = ((tag, share, "9p", f"ro,{PLAN9},cache=loose") for tag, share in tags.items())
    return Guest([*EMULATOR, "qemu-system-x86_64", *arguments], fstab(mounted))


def shared(tag: str, folder: Path, how: str) -> list[str]:
    return ["-virtfs", f"local,path={escaped(folder)},mount_tag={tag},security_model=none,multidevs=remap{how}"]


def escaped(path: Path) -> str:
    """As a value among QEMU's options, which commas part."""
    return str(path).replace(",", ",,")
