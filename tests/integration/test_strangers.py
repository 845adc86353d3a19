"""`foh status`, for root and for an ordinary user, beside what other users' processes name as their configuration."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.integration.test_restart import ORDINARY
from tests.patience import BOUND
from tests.strangers import STRANGER, player
from tests.terminal import FOH

MEMORY = 1 << 29  # bytes of address space beyond which it may not grow: what reads without a bound ends in MemoryError


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that everybody may use."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize(("who", "uid"), [((), 1), (ORDINARY, 65534)], ids=["root", "ordinary"])
def test_hostile_configurations_cost_nothing_but_a_sentence(home: Path, who: Sequence[str], uid: int) -> None:
    """`uid` is a user whose processes' configurations this one reads."""
    os.mkfifo(home / "fifo")
    (home / "bad.conf").write_text("[http]\nhostname = a[b\x1b[2J\nport = 6699\n")
    (home / "far.conf").write_text("[http]\nport = 6698\n")
    (home / "venue.toml").write_text('host = "h"\n[lxd]\nsockets = []\n[usb]\nsysfs = "/x"\n[hdmi2usb]\nsysfs = "/x"\n')
    environ = {**os.environ, "FOH_VENUE": str(home / "venue.toml"), "FOH_STATE": str(home / "state"), "USER": "op"}
    with (
        player("--config", "/dev/zero", uid=STRANGER),
        player("--config", "/dev/zero", uid=uid),
        player("--config", str(home / "fifo"), uid=uid),
        player("--config", str(home / "far.conf"), uid=STRANGER),
        player("--config", str(home / "bad.conf"), uid=uid) as bad,
    ):
        ran = subprocess.run(
            [*who, *FOH, "status", "--json"], env=environ, capture_output=True, text=True, timeout=BOUND,
            check=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY)),
        )  # fmt: skip
    said = json.loads(ran.stdout)
    sources = {each["name"]: each for each in said["sources"]}
    assert "no address" in sources[f"mopidy process {bad}"]["sentence"]
    assert "mopidy 127.0.0.1:6698" not in sources
    assert "discovery" not in ran.stdout
    assert "\x1b" not in ran.stdout
    assert ran.stderr == ""
