"""A command whose output cannot be written ends in words or in silence, never in a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from console.output import LOST
from tests.patience import BOUND

FOH = f"{sys.executable} -m console"


def shell(folder: Path, script: str, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "FOH_STATE": str(folder / "state"), "HOME": str(folder), **environ}
    return subprocess.run(
        ["bash", "-c", script], env=env, capture_output=True, text=True, timeout=BOUND, stdin=subprocess.DEVNULL
    )


@pytest.mark.parametrize(
    "command", ["status --demo", "status --demo --json", "act zone/bar mute --demo --yes", "--help"]
)
@pytest.mark.parametrize("output", [">/dev/full", ">&-", "2>&- >&- <&-", ">&3"])
def test_what_cannot_be_written_has_a_status_of_its_own(tmp_path: Path, command: str, output: str) -> None:
    said = shell(tmp_path, f"exec 3> >(:); wait $!; {FOH} {command} {output}; echo $? >&2")
    assert said.stderr == f"{LOST}\n"


def test_a_name_that_the_terminal_has_no_letters_for(tmp_path: Path) -> None:
    said = shell(tmp_path, f"{FOH} status", FOH_HOST="bär🎺", PYTHONIOENCODING="ascii")
    assert "b\\xe4r\\U0001f3ba" in said.stdout
    assert said.stderr == ""


NOISE = """
import asyncio, gc, logging, threading, warnings
from console.quiet import keep_quiet
keep_quiet()

class Bad:
    def __del__(self):
        raise OSError("as it was dropped")

def fails():
    raise OSError("in a thread")

async def never():
    raise OSError("in a task")

async def main():
    asyncio.create_task(never())
    asyncio.get_running_loop().call_soon(fails)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

asyncio.run(main())
Bad()
thread = threading.Thread(target=fails)
thread.start()
thread.join()
never()
gc.collect()
logging.getLogger("websockets").error("as it was told")
warnings.warn("as a warning")
"""


@pytest.mark.parametrize("log", ["log", ""])
def test_it_goes_to_the_file_that_is_named_for_it(tmp_path: Path, log: str) -> None:
    env = {**os.environ, "FOH_LOG": log and str(tmp_path / log)}
    said = subprocess.run([sys.executable, "-c", NOISE], env=env, capture_output=True, text=True, timeout=BOUND)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")
    if log:
        written = (tmp_path / log).read_text()
        for each in ("was dropped", "in a thread", "in a task", "never awaited", "was told", "as a warning"):
            assert each in written
