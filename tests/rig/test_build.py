"""What the rig's builders decide."""

from __future__ import annotations

import itertools
from pathlib import Path

import psutil
import pytest

from tests.patience import until
from tests.rig import __main__ as rig
from tests.rig.build import cache, kernel
from tests.rig.guest import machine, pc, user_mode


def test_a_key_is_of_all_the_parts() -> None:
    assert cache.key(b"a", b"b") == cache.key(b"a", b"b")
    assert len({cache.key(b"a", b"b"), cache.key(b"ab"), cache.key(b"b", b"a"), cache.key(b"a"), cache.key()}) == 5


def test_the_cache_builds_once_and_forgets_what_was_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    built = []

    def build(folder: Path, made: Path) -> None:
        built.append(folder)
        made.write_text("made")

    def fail(folder: Path, made: Path) -> None:
        raise RuntimeError("no")

    first = cache.file("thing", "1", build)
    assert cache.file("thing", "1", build) == first
    assert len(built) == 1
    with pytest.raises(RuntimeError):
        cache.file("thing", "2", fail)
    assert first.read_text() == "made"
    second = cache.file("thing", "2", build)
    assert sorted(each.name for each in cache.home().iterdir()) == [".thing.lock", second.name]


def test_what_the_kernel_did_not_take_is_named() -> None:
    fragment = "CONFIG_A=y\n# CONFIG_B is not set\n# CONFIG_C is not set\nCONFIG_D=15\n# a remark\n"
    laid = kernel.laid_over("CONFIG_A=m\nCONFIG_B=y\nCONFIG_E=y\n", fragment)
    assert laid.splitlines()[:3] == ["CONFIG_A=y", "# CONFIG_B is not set", "CONFIG_E=y"]
    assert kernel.missing(fragment, "CONFIG_A=y\nCONFIG_D=15\n") == []
    assert kernel.missing(fragment, "CONFIG_A=m\nCONFIG_B=y\n") == [
        "CONFIG_A=y", "# CONFIG_B is not set", "CONFIG_D=15",
    ]  # fmt: skip


def test_a_source_that_is_not_what_it_was_stops_the_build() -> None:
    assert kernel.changed("if !UML\nx\n", "if !UML\n", "if y\n", "Kconfig") == "if y\nx\n"
    for text in ("", "if !UML\nif !UML\n"):
        with pytest.raises(RuntimeError, match="Kconfig"):
            kernel.changed(text, "if !UML\n", "if y\n", "Kconfig")


def test_the_guest_finds_the_folders_of_the_host_by_its_fstab(tmp_path: Path) -> None:
    shares = [Path("/a b"), Path("/c")]
    fast = user_mode.guest(Path("kernel"), Path("image"), tmp_path, shares)
    assert fast.fstab.splitlines() == [
        r"none /a\040b hostfs ro,/a\040b,X-mount.mkdir 0 0", "none /c hostfs ro,/c,X-mount.mkdir 0 0",
    ]  # fmt: skip
    assert f"rig=hostfs:{tmp_path}" in fast.argv
    stock = pc.guest(Path("kernel"), Path("initrd"), Path("image"), tmp_path, shares)
    assert [line.split()[:3] for line in stock.fstab.splitlines()] == [
        ["share0", r"/a\040b", "9p"], ["share1", "/c", "9p"],
    ]  # fmt: skip


def test_a_pc_has_no_network_and_may_only_write_into_the_shared_folder() -> None:
    argv = pc.guest(Path("kernel"), Path("initrd"), Path("/i,j"), Path("/folder"), [Path("/src")]).argv
    shares = [value for option, value in itertools.pairwise(argv) if option == "-virtfs"]
    assert [("path=/src" in share, "readonly=on" in share) for share in shares] == [(False, False), (True, True)]
    assert "file=/i,,j,file.locking=off,format=raw,if=virtio,snapshot=on" in argv
    assert "-nodefaults" in argv
    assert not [each for each in argv if "netdev" in each or each == "-nic"]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ([], ["fast", "stock"]),
        (["--long"], ["fast", "stock", "terminal"]),
        (["--shell", "true"], ["fast"]),
        (["tests/rig/drills/test_boards.py", "-x"], ["fast"]),
        (["tests/rig/drills/stock/test_hubs.py::test_x"], ["stock"]),
        (["tests/rig/drills/terminal/test_demo.py"], ["terminal"]),
        (["tests/rig/drills/stock", "tests/rig/drills/test_boards.py"], ["fast", "stock"]),
    ],
)
def test_the_drills_that_are_named_choose_the_tier(arguments: list[str], wanted: list[str]) -> None:
    assert rig.tiers(arguments) == wanted


def test_each_tier_runs_its_own_drills() -> None:
    both = ["tests/rig/drills/stock/test_hubs.py", "tests/rig/drills/test_boards.py", "-x"]
    assert rig.own("fast", both) == ["tests/rig/drills/test_boards.py", "-x"]
    assert rig.own("stock", both) == ["tests/rig/drills/stock/test_hubs.py", "-x"]
    assert rig.own("stock", ["-x"]) == ["tests/rig/drills/stock", "-x"]


def test_a_guest_that_does_not_boot_says_what_its_console_showed(tmp_path: Path) -> None:
    broken = tmp_path / "kernel"
    broken.write_text("#!/bin/sh\necho 'Kernel panic - not syncing: no root'\n")
    broken.chmod(0o755)
    with pytest.raises(machine.GuestError, match=r"(?s)without having written 'booted'.*not syncing: no root"):
        machine.Machine(machine.Guest([str(broken)], ""), tmp_path).run("true", {}, print)


def test_a_boot_that_stands_still_is_tried_once_more_before_its_turn_and_said_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "TO_BOOT", 1.0)
    moody = tmp_path / "kernel"
    works = "echo 2 > booted; echo 0 > status"
    moody.write_text(f"#!/bin/sh\ncd {tmp_path}\n[ -e tried ] && {{ {works}; }} || {{ touch tried; sleep 7656; }}\n")
    moody.chmod(0o755)
    guest, said = machine.Machine(machine.Guest([str(moody)], ""), tmp_path), list[str]()
    guest.start("true", {})
    try:
        until((tmp_path / "status").exists)
        status, _ = guest.finish(said.append)
    finally:
        guest.stop()
    assert status == 0
    assert "not written 'booted' within 1 s" in "".join(said)


def test_one_that_is_stopped_while_it_boots_is_not_tried_once_more(tmp_path: Path) -> None:
    kernel = tmp_path / "kernel"
    kernel.write_text(f"#!/bin/sh\necho x >> {tmp_path}/tries\nsleep 7657\n")
    kernel.chmod(0o755)
    guest = machine.Machine(machine.Guest([str(kernel)], ""), tmp_path)
    guest.start("true", {})
    until((tmp_path / "tries").exists)
    guest.stop()
    assert (tmp_path / "tries").read_text() == "x\n"
    assert ["sleep", "7657"] not in [process.info["cmdline"] for process in psutil.process_iter(["cmdline"])]


def test_a_guest_that_stands_still_later_is_stopped_long_before_its_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "STANDS_STILL", 3.0)
    guest = tmp_path / "kernel"
    beats = "for each in 1 2 3 4; do echo > alive; echo >> beats; sleep 0.5; done"
    guest.write_text(f"#!/bin/sh\ncd {tmp_path}\necho 2 > booted; {beats}; sleep 7655\n")
    guest.chmod(0o755)
    with pytest.raises(machine.GuestError, match="stands still: it has given no sign of life for 3 s"):
        machine.Machine(machine.Guest([str(guest)], ""), tmp_path).run("true", {}, print)
    assert (tmp_path / "beats").read_text() == "\n" * 4, "while it gives signs of life it is left to run"


def test_nothing_is_left_of_a_guest_that_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even what it has started in sessions of their own, and however many these are."""
    monkeypatch.setattr(machine, "TO_BOOT", 1.0)
    hung = tmp_path / "kernel"
    hung.write_text("#!/bin/sh\nfor each in $(seq 200); do setsid sleep 7654 & done\nsleep 7653\n")
    hung.chmod(0o755)
    with pytest.raises(machine.GuestError, match="not written 'booted' within 1 s"):
        machine.Machine(machine.Guest([str(hung)], ""), tmp_path).run("true", {}, print)
    left = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"])]
    assert not [line for line in left if line in (["sleep", "7654"], ["sleep", "7653"])]


def test_the_totals_decide(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "report.xml"
    for tests, failures, skipped, code in ((3, 0, 0, 0), (3, 1, 0, 1), (3, 0, 1, 1), (0, 0, 0, 1)):
        counts = f'tests="{tests}" failures="{failures}" errors="0" skipped="{skipped}"'
        report.write_text(f"<testsuites><testsuite {counts}/></testsuites>")
        assert rig.judged(0, report) == code
    assert "2 passed, 1 failed, 0 skipped" in capsys.readouterr().out
    assert rig.judged(0, tmp_path / "none.xml") == 1
