"""The root image: Debian's packages that the guest needs, and nothing of the project, which is shared when it boots."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.rig.build import cache, debian

TOOLS = ("mmdebstrap", "e2fsprogs")
PACKAGES = (
    "udev", "kmod", "procps", "iproute2", "busybox-static",  # what the guest's first program uses
    "python3", "libusb-1.0-0", "libasound2",  # what the project's Python loads
    "linux-image-amd64", "initramfs-tools",  # the stock tier's kernel, and what makes its initial file system
    "lxd", "lxd-client", "criu", "iptables",  # containers; criu locks their network by iptables
    "alsa-utils", "usbutils", "v4l-utils", "strace",  # what the drills use
    "mopidy", "gstreamer1.0-alsa", "gstreamer1.0-plugins-base", "gstreamer1.0-plugins-good", "gstreamer1.0-tools",
)  # fmt: skip
START = Path(__file__).parents[1] / "guest/start"
SIZE = "3G"  # of a sparse file
TO_ROOT = ("virtio_pci", "virtio_blk", "ext4", "crc32c_generic")  # modules without which the image cannot be mounted
HOOKS = (
    ("setup", f"""mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"
        echo MODULES=list > "$1/etc/initramfs-tools/conf.d/rig"
        printf '%s\\n' {" ".join(TO_ROOT)} > "$1/usr/share/initramfs-tools/modules.d/rig" """),
    ("customize", """for each in vmlinuz initrd.img; do mv "$1/boot/$each"-* "$1/boot/$each"; done"""),
    ("customize", 'chmod 755 "$1/sbin/rig-start"'),
    # GStreamer's list of its plugins, which each program would otherwise make anew, loading them all.
    ("customize", 'HOME=/root chroot "$1" gst-inspect-1.0 > /dev/null'),
)  # fmt: skip


def image() -> Path:
    """The image, built if it is missing (some minutes). The versions are those of the day it was built."""
    made_of = (debian.SUITE, PACKAGES, SIZE, HOOKS)
    return cache.file("root", cache.key(START.read_bytes(), repr(made_of).encode()), build)


def build(folder: Path, made: Path) -> None:
    debian.install(TOOLS)
    tree = folder / "tree"
    print(f"rig: building the guest's root image from Debian's packages: {' '.join(PACKAGES)}", flush=True)
    try:
        subprocess.run(["nice", *debian.as_root(), *bootstrap(tree)], check=True)
        make = ["mke2fs", "-q", "-t", "ext4", "-m", "0", "-L", "rig", "-d", str(tree), str(made), SIZE]
        subprocess.run(["nice", *debian.as_root(), *make], check=True)
    finally:
        subprocess.run([*debian.as_root(), "rm", "-rf", "--one-file-system", str(tree)], check=True)


def bootstrap(tree: Path) -> list[str]:
    """The command that unpacks Debian into a folder."""
    return [
        "mmdebstrap", "--quiet", "--mode=root", "--variant=apt", "--format=directory",
        "--aptopt=APT::Install-Recommends \"false\"",
        *(f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in ("man", "locale", "doc")),
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        f"--include={','.join(PACKAGES)}",
        f"--customize-hook=upload {START} /sbin/rig-start",
        *(f"--{when}-hook={what}" for when, what in HOOKS),
        debian.SUITE, str(tree), *debian.sources(),
    ]  # fmt: skip
