from __future__ import annotations

from pathlib import Path

import pytest

from backends import helper_install, sudo
from backends.helper import program
from backends.runtime import SourceIO


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The helper, installed under a folder of root's."""
    monkeypatch.setattr(sudo, "PREFIX", tmp_path / "foh")
    monkeypatch.setattr(sudo, "PROGRAM", tmp_path / "foh/foh-helper")
    monkeypatch.setattr(sudo, "CODE", tmp_path / "foh/helper")
    monkeypatch.setattr(helper_install, "SUDOERS", tmp_path / "sudoers.d")
    (tmp_path / "sudoers.d").mkdir()
    helper_install.install("nobody")
    return tmp_path


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """For sudo: permits what `-l` asks about, notes what it is to run, and fails when there is a file `no`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    note = f'echo "$*" >> {folder}/said'
    (folder / "sudo").write_text(f"#!/bin/sh\n{note}\n[ ! -e {folder}/no ] || {{ echo no >&2; exit 1; }}\n")
    (folder / "sudo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")
    return folder


async def test_an_ordinary_user_goes_through_sudo(installed: Path, stand_in: Path) -> None:
    io = SourceIO("usb")
    assert await sudo.lacking(io.run, "usb-replug", "1-1") == ""
    await sudo.by_sudo(("usb-release-hid", "1-1.1"), io)
    assert (stand_in / "said").read_text().splitlines() == [
        f"-n -l {installed}/foh/foh-helper usb-replug 1-1",
        f"-n {installed}/foh/foh-helper usb-release-hid 1-1.1",
    ]
    (stand_in / "no").touch()
    assert await sudo.lacking(io.run, "usb-replug", "1-1") == sudo.NEEDED
    with pytest.raises(PermissionError, match="no"):
        await sudo.by_sudo(("usb-release-hid", "1-1.1"), io)


async def test_without_sudo_nothing_is_permitted(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert await sudo.lacking(SourceIO("usb").run, "usb-replug", "1-1") == sudo.NEEDED


SPOILT = {
    "is not there": (lambda foh: (foh / "foh-helper").unlink(), sudo.NEEDED),
    "can be changed": (lambda foh: (foh / "helper/boards.py").chmod(0o666), "not root's alone: everybody can write"),
    "lies in a folder that can be changed": (lambda foh: foh.chmod(0o777), "not root's alone: everybody can write"),
    "is of another version": (lambda foh: (foh / "helper/boards.py").write_text(""), "of another version"),
    "lacks a part": (lambda foh: (foh / "helper/boards.py").unlink(), "of another version"),
}


@pytest.mark.parametrize("how", SPOILT)
async def test_a_helper_that_cannot_be_trusted_is_not_used(installed: Path, stand_in: Path, how: str) -> None:
    spoil, words = SPOILT[how]
    spoil(installed / "foh")
    assert words in await sudo.lacking(SourceIO("usb").run, "usb-replug", "1-1")
    assert not (stand_in / "said").exists()


def test_where_others_can_write_no_command_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sudo, "PROGRAM", tmp_path / "foh/foh-helper")
    assert "--install-helper 'o p'" in sudo.install_command("o p")
    tmp_path.chmod(0o777)
    assert sudo.install_command("op") == f"make it root's alone first: everybody can write to {tmp_path}"
    assert "it would not be root's alone" in helper_install.refusal("nobody")


def test_each_operator_has_a_file_of_their_own(installed: Path) -> None:
    helper_install.install("daemon")
    helper_install.install("%audio")
    assert {file.name: file.read_text() for file in (installed / "sudoers.d").iterdir()} == {
        f"foh-{file}": f"{who} ALL=(root) NOPASSWD: {installed}/foh/foh-helper\n"
        for file, who in (("nobody", "nobody"), ("daemon", "daemon"), ("group-audio", "%audio"))
    }
    assert (installed / "sudoers.d/foh-nobody").stat().st_mode & 0o777 == 0o440
    assert helper_install.sudoers_file("eva.k").name == "foh-eva_dot_k"


@pytest.mark.parametrize(
    "who", ["", "op ALL", "op\nALL", "#0", "+netgroup", "%", "ALL=(ALL) x", "no-such-user", "%none"]
)
def test_nobody_else_is_named_in_a_file_of_sudo_s(who: str) -> None:
    assert helper_install.refusal(who)


def test_who_is_asked_sees_what_is_permitted_and_written() -> None:
    said = helper_install.description("nobody")
    assert all(operation in said for operation in program.OPERATIONS)
    assert all(str(path) in said for path in sudo.files())
    assert "nobody ALL=(root) NOPASSWD: /usr/local/lib/foh/foh-helper" in said
