from __future__ import annotations

from pathlib import Path

import pytest

from backends import registry, sudo
from backends.runtime import SourceIO


def test_the_permission_is_for_the_helper_only() -> None:
    line = sudo.sudoers_line("op, ALL", "/opt/my foh/bin/foh")
    assert line == (
        "op\\,\\ ALL ALL=(root) NOPASSWD: /opt/my\\ foh/bin/foh helper usb-power *, "
        "/opt/my\\ foh/bin/foh helper usb-release-hid *, /opt/my\\ foh/bin/foh helper usb-restore-hid *, "
        "/opt/my\\ foh/bin/foh helper usb-keep-rule *, /opt/my\\ foh/bin/foh helper usb-forget-rule *, "
        "/opt/my\\ foh/bin/foh helper usb-name-card *, /opt/my\\ foh/bin/foh helper usb-unname-card *, "
        "/opt/my\\ foh/bin/foh helper usb-replug *, "
        "/opt/my\\ foh/bin/foh helper player-restart *"
    )


def test_it_is_for_all_that_the_helper_can_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert registry.helper(["no-such"]) == 2
    assert capsys.readouterr().err.endswith(f"there are {', '.join(sudo.OPERATIONS)}\n")


def test_a_program_that_others_can_change_is_said_to_be_exposed(tmp_path: Path) -> None:
    program = tmp_path / "foh"
    program.write_text("")
    program.chmod(0o777)
    assert sudo.exposed(str(program))
    assert sudo.exposed(str(tmp_path / "missing"))
    assert not sudo.exposed("/usr/bin/env")


async def test_an_ordinary_user_goes_through_sudo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for sudo: permits what `-l` asks about, notes what it is to run, and fails when told to."""
    said = tmp_path / "said"
    (tmp_path / "sudo").write_text(
        f'#!/bin/sh\necho "$*" >> {said}\n[ ! -e {tmp_path}/no ] || {{ echo no >&2; exit 1; }}\n'
    )
    (tmp_path / "sudo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    io = SourceIO("usb")
    assert await sudo.permitted(io.run, "usb-replug", "1-1")
    await sudo.by_sudo(("usb-release-hid", "1-1.1"), io)
    assert said.read_text().splitlines() == [
        f"-n -l {sudo.program()} helper usb-replug 1-1",
        f"-n {sudo.program()} helper usb-release-hid 1-1.1",
    ]
    (tmp_path / "no").touch()
    assert not await sudo.permitted(io.run, "usb-replug", "1-1")
    with pytest.raises(PermissionError, match="no"):
        await sudo.by_sudo(("usb-release-hid", "1-1.1"), io)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert not await sudo.permitted(io.run, "usb-replug", "1-1")
