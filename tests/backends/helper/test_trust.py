"""Whether a file is root's alone. These tests run as root, as the helper does."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from backends.helper.trust import exposure

NOBODY = 65534


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder of root's in which nobody else can write, with a file in a folder of its own."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").write_text("")
    return tmp_path


def linked(place: Path) -> None:
    (place / "folder/file").rename(place / "folder/real")
    (place / "elsewhere").mkdir()
    (place / "elsewhere/file").symlink_to(place / "folder/real")
    (place / "elsewhere").rename(place / "mine")
    (place / "folder/file").symlink_to(place / "mine/file")
    os.chown(place / "mine", NOBODY, 0)


WAYS: dict[str, tuple[Callable[[Path], object], str]] = {
    "as it should be": (lambda place: None, ""),
    "a user's file": (lambda place: os.chown(place / "folder/file", NOBODY, 0), "folder/file belongs to user 65534"),
    "a user's folder": (lambda place: os.chown(place / "folder", NOBODY, 0), "folder belongs to user 65534"),
    "everybody's file": (lambda place: (place / "folder/file").chmod(0o666), "everybody can write"),
    "everybody's folder": (lambda place: (place / "folder").chmod(0o777), "everybody can write"),
    "everybody's folder with the sticky bit": (lambda place: (place / "folder").chmod(0o1777), ""),
    "root's group": (lambda place: (place / "folder").chmod(0o775), ""),
    "missing": (lambda place: (place / "folder/file").unlink(), "No such file"),
    "a link": (lambda place: ((place / "folder").rename(place / "real"), (place / "folder").symlink_to("real")), ""),
    "a link into a user's folder": (linked, "mine belongs to user 65534"),
}


@pytest.mark.parametrize("way", WAYS)
def test_who_else_can_change_a_file(place: Path, way: str) -> None:
    spoil, words = WAYS[way]
    spoil(place)
    said = exposure(place / "folder/file")
    assert words in said
    assert bool(said) == bool(words)


def test_a_group_that_has_members_is_somebody_else(place: Path) -> None:
    member = next(user for user in pwd.getpwall() if user.pw_uid not in (0, NOBODY) and user.pw_gid)
    (place / "folder").chmod(0o775)
    os.chown(place / "folder", 0, member.pw_gid)
    assert f"group {grp.getgrgid(member.pw_gid).gr_name} can write" in exposure(place / "folder/file")


def test_an_access_list_counts(place: Path) -> None:
    try:
        os.setxattr(place / "folder", "system.posix_acl_access", ACCESS_LIST)
    except OSError as error:
        pytest.fail(f"this file system keeps no access lists: {error}")
    assert "has an access list" in exposure(place / "folder/file")


# Version 2; user::rwx user:65534:rwx group::r-x mask::rwx other::r-x (linux/posix_acl_xattr.h).
ACCESS_LIST = bytes.fromhex("0200000001000700ffffffff02000700feff000004000500ffffffff10000700ffffffff20000500ffffffff")


def test_what_the_system_installs_is_root_s() -> None:
    assert exposure("/usr/bin/env") == ""


def test_the_sources_are_of_the_standard_library_alone(tmp_path: Path) -> None:
    """The installed program, started as sudo starts it, where the current folder has modules of the same names."""
    from backends import sudo

    evil = tmp_path / "here"
    evil.mkdir()
    for name in ("re", "helper", "subprocess", "msgspec", "backends"):
        (evil / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    for path, text in sudo.files().items():
        copy = tmp_path / path.relative_to(sudo.PREFIX)
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(text.replace(str(sudo.PREFIX), str(tmp_path)))
    (tmp_path / "foh-helper").chmod(0o755)
    said = subprocess.run(
        [tmp_path / "foh-helper", "usb-power", "1-99", "auto"], cwd=evil, env={"PYTHONPATH": str(evil)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("foh helper: nothing is plugged into USB port 1-99")
    assert not (tmp_path / "ran").exists()
    assert not list(tmp_path.rglob("__pycache__"))
