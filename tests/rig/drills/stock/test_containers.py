"""Containers on the stock kernel: a real LXD, and what it can do only here: put an instance away with what it has in
memory, and bring it back. CRIU asks for more than the fast tier's kernel has."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.beds.lxd import Lxd
from tests.rig.drills.console import Foh

# liblxc makes an instance's console when it starts one, but not when it restores one, and then refuses to (criu.c,
# exec_criu). LXD passes the setting on only where it is made for all.
NO_CONSOLE = Path("/usr/share/lxc/config/common.conf.d/90-no-console.conf")
# Where an instance's users are not the host's, its first process may look for CRIU's images before it may read them
# ("Unable to open timens-0.img: Permission denied").
PRIVILEGED = ("security.privileged", "true")
# Counts in memory, in a session of its own, and writes down how far it is.
COUNTER = "n=0; while :; do n=$((n + 1)); echo $n > /tmp/new; /bin/busybox mv /tmp/new /tmp/count; sleep 0.2; done"
COUNT = f"/bin/busybox setsid /bin/sh -c '{COUNTER}' </dev/null >/dev/null 2>&1 &"
READ = "/bin/busybox rm -f /tmp/count; while ! [ -e /tmp/count ]; do sleep 0.1; done; /bin/busybox cat /tmp/count"
TRIES = 5


@pytest.fixture(scope="module")
def lxd() -> Iterator[Lxd]:
    """As Debian's settings have it. Its web1 runs."""
    server = Lxd()
    yield server
    server.close()


@pytest.fixture
def beside(lxd: Lxd, foh: Foh) -> Foh:
    """`foh`, told where that LXD is."""
    foh.configure(f'[lxd]\nsockets = ["{lxd.socket}"]\n')
    return foh


@pytest.fixture
def web2(lxd: Lxd) -> Iterator[str]:
    """An instance that runs, and can be restored: for as long as the setting stands."""
    NO_CONSOLE.write_text("lxc.console.path = none\n")
    lxd.lxc("config", "set", "web2", *PRIVILEGED)
    lxd.lxc("start", "web2")
    yield "web2"
    NO_CONSOLE.unlink()
    lxd.lxc("stop", "web2", "--force")


def seen(foh: Foh, name: str) -> tuple[str, bool]:
    """Its state, and whether its memory is kept."""
    row = next(found for _ in range(TRIES) if (found := foh.status().rows("instance").get(name)))
    return row["state"], row["kept"]


def act(foh: Foh, name: str, *action: str) -> subprocess.CompletedProcess[str]:
    """Tried again where LXD was not read in the time that the command gives it: Python is slow here."""
    for _ in range(TRIES):
        ran = foh("act", f"instance/{name}", *action, "--yes")
        if "nothing here is called" not in ran.stderr:
            break
    return ran


def inside(lxd: Lxd, name: str, script: str) -> str:
    return lxd.lxc("exec", name, "--", "/bin/sh", "-c", script)


def count(lxd: Lxd, name: str) -> int:
    """How far its counter is, which says so anew."""
    return int(inside(lxd, name, READ))


@pytest.mark.long
def test_an_instance_that_was_put_away_with_its_memory_goes_on_from_there(lxd: Lxd, web2: str, beside: Foh) -> None:
    inside(lxd, web2, COUNT)
    before = count(lxd, web2)
    for action, then in ((("stop", "how=keep"), ("Stopped", True)), (("start",), ("Running", False))):
        ran = act(beside, web2, *action)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert seen(beside, web2) == then
    assert count(lxd, web2) > before


@pytest.mark.long
def test_what_does_not_come_back_is_told_and_keeps_its_memory_until_it_is_started_anew(lxd: Lxd, beside: Foh) -> None:
    lxd.lxc("stop", "web1", "--stateful")
    ran = act(beside, "web1", "start")
    assert ran.returncode == 1
    assert "failed: its memory is still kept: `lxc info --show-log --project default web1` has more" in ran.stdout
    assert "LXD says: Migrate: Failed to run: /usr/bin/lxd forkmigrate" in ran.stdout
    assert "lxc.console.path configured on source host but not target" in lxd.lxc("info", "--show-log", "web1")
    assert seen(beside, "web1") == ("Stopped", True)
    assert act(beside, "web1", "start", "memory=forget").returncode == 0
    assert seen(beside, "web1") == ("Running", False)
