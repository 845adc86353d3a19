"""What somebody has who installs foh, and a backend in a package of its own, from wheels: no checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OUTSIDE = ROOT / "tests/outside"


def run(*argv: str | Path, cwd: Path) -> str:
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": ""})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An environment with both wheels. What they need comes from the environment that runs the tests."""
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    for project in (ROOT, OUTSIDE):
        run(*pip, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", "wheels", project, cwd=tmp_path)
    run(sys.executable, "-m", "venv", "--without-pip", "venv", cwd=tmp_path)
    python = tmp_path / "venv/bin/python"
    wheels = sorted((tmp_path / "wheels").iterdir())
    run(*pip, "--python", python, "install", "--no-index", "--no-deps", *wheels, cwd=tmp_path)
    (site,) = tmp_path.glob("venv/lib/python*/site-packages")
    (site / "needed.pth").write_text(sysconfig.get_path("purelib"))  # the .pth files in there are not read
    return python


def test_a_package_of_its_own_runs_the_contract_suite(python: Path, tmp_path: Path) -> None:
    shutil.copytree(OUTSIDE, tmp_path / "work/outside", ignore=shutil.ignore_patterns("foh_snapcast", "*.toml"))
    look = "import backends.testing.suite as s, foh_snapcast as f, sys; print(s.__file__, f.__file__); import tests"
    with pytest.raises(AssertionError, match="No module named 'tests'"):
        run(python, "-c", look, cwd=tmp_path)
    said = run(python, "-m", "pytest", "-v", "-p", "no:cacheprovider", "outside", cwd=tmp_path / "work")
    for test in ("every_action", "no_text_is_acted_on", "passes[hung]", "leaves_nothing_behind"):
        assert any(test in line and "PASSED" in line for line in said.splitlines()), said
    where = run(python, "-c", look.removesuffix("; import tests"), cwd=tmp_path).split()
    assert all(each.startswith(str(tmp_path / "venv")) for each in where), where


def test_the_program_needs_no_pytest(python: Path, tmp_path: Path) -> None:
    look = "import sys, console.cli, console.app, backends.registry as r; r.load_all(); "
    look += "print('pytest' in sys.modules, *r.names())"
    missing, *names = run(python, "-c", look, cwd=tmp_path).split()
    assert missing == "False"
    assert {"mopidy", "snapcast"} <= set(names)
