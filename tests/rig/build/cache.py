"""Where what was built is kept: `$XDG_CACHE_HOME/foh-rig` (or `~/.cache/foh-rig`), by what it is made of."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path


def home(environ: Mapping[str, str] = os.environ) -> Path:
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "foh-rig"


def key(*parts: bytes) -> str:
    """One name for all the parts: another as soon as one of them differs, or their order, or where they part."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()[:16]


def file(name: str, made_of: str, build: Callable[[Path, Path], None]) -> Path:
    """The file `name-made_of` of the cache. If it is missing, `build(folder, file)` makes it in a folder of its own,
    and what was called `name` before is removed."""
    wanted = home() / f"{name}-{made_of}"
    with _alone(name):
        if not wanted.exists():
            begun = time.monotonic()
            with tempfile.TemporaryDirectory(prefix=f"building-{name}-", dir=home()) as folder:
                made = Path(folder) / name
                build(Path(folder), made)
                for earlier in home().glob(f"{name}-*"):
                    earlier.unlink()
                shutil.move(made, wanted)
            print(f"rig: {name} built in {time.monotonic() - begun:.0f} s: {wanted}", flush=True)
    return wanted


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    """Two rigs at once: the second one waits, and finds it built."""
    home().mkdir(parents=True, exist_ok=True)
    with (home() / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
