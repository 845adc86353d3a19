"""The venue in the guest: plugged in once, and put right before each drill."""

from __future__ import annotations

import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.patience import BOUND
from tests.rig.devices.venue import ROOMS
from tests.rig.drills.console import WELL, Foh, trouble
from tests.rig.drills.venue import RULES, Venue, emulated, write
from tests.terminal import Terminal


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run every drill, watch for minutes, pull boards more often")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: a drill that is run with --long only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        later = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=later)
        items[:] = [item for item in items if item not in later]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A drill that fails shows what the kernel has said lately."""
    report = yield
    if report.failed:
        said = subprocess.run(["dmesg"], capture_output=True, text=True, check=False, timeout=BOUND).stdout.splitlines()
        told = [line for line in said if "vhci_hcd: u" not in line]  # of each transfer that is called off
        report.sections.append(("what the kernel said last", "\n".join(told[-60:])))
    return report


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether a drill may take minutes."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    with emulated(tmp_path_factory.mktemp("venue")) as venue:
        yield venue


@pytest.fixture
def venue(emulator: Venue) -> Venue:
    """Nine boards at home, as they come: the kernel lets none of them sleep, and no rule of ours does."""
    for rule in RULES.glob("*-foh-*"):
        rule.unlink()
    emulator.go_home()
    return emulator


@pytest.fixture
def calm(venue: Venue) -> Venue:
    """Nine boards that may sleep: there is nothing to complain of."""
    for port in range(1, len(ROOMS) + 1):
        write(port, "power/control", "auto")
    return venue


@pytest.fixture(scope="session")
def watching(emulator: Venue, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    with Foh(tmp_path_factory.mktemp("watching")).console() as console:
        yield console


@pytest.fixture
def console(calm: Venue, watching: Terminal) -> Terminal:
    """A console that has seen the drills before this one, and has nothing to complain of now."""
    watching.until(lambda: trouble(watching) == WELL)
    return watching


@pytest.fixture
def foh(tmp_path: Path) -> Foh:
    return Foh(tmp_path)
