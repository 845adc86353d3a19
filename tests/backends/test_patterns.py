"""No pattern over foreign text takes more than a time in proportion to its length.

Each compiled pattern of the backends reads hostile text of which some part repeats. What it may take is so many times
what it takes, in the same run, to look at each character of that text once: a pattern that takes the square of the
length needs hundreds of times as much.
"""

from __future__ import annotations

import importlib
import itertools
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import backends

LENGTH = 16_000  # characters
TIMES = 20
PARTS = (
    " ",
    "1",
    "a",
    ".",
    "/",
    "-",
    "(",
    "[",
    ":",
    "1 ",
    "a ",
    "a.",
    "a-",
    "1.",
    "/a",
    "[1:",
    "(@ ",
    "\t ",
    "\n",
    "\n ",
    '"',
)
BEGINS = ("", "1", "[1", "ERROR ", "x:")
ENDS = ("x", "\n", "\x00")
LINEAR = re.compile(".", re.DOTALL)


def patterns() -> Iterator[tuple[str, re.Pattern[Any], Callable[[str], object]]]:
    """Every pattern that a module of the backends has compiled, with the way in which it is used."""
    for info in pkgutil.walk_packages(backends.__path__, "backends."):
        if info.name.startswith(("backends.testing", "backends.demo")) or info.name.endswith("_child"):
            continue
        for name, value in vars(importlib.import_module(info.name)).items():
            if isinstance(value, re.Pattern):
                yield f"{info.name}.{name}", value, value.search
            elif isinstance(owner := getattr(value, "__self__", None), re.Pattern):
                yield f"{info.name}.{name}", owner, _whole(value)


def _whole(use: Any) -> Callable[[str], object]:
    """The use of a pattern, to its end."""
    match use.__name__:
        case "finditer":
            return lambda text: list(use(text))
        case "sub":
            return lambda text: use(" ", text)
    return lambda text: use(text)


def texts(pattern: str) -> Iterator[str]:
    words = [word + more for word in re.findall("[A-Za-z]{3,}", pattern) for more in (" ", "(", "=", " (", "[]=")]
    for part, begin, end in itertools.product((*PARTS, *words), BEGINS, ENDS):
        yield begin + part * (LENGTH // len(part)) + end


def cost(use: Callable[[str], object], text: str) -> float:
    """Seconds of this thread's own time, the least of three."""
    costs = []
    for _ in range(3):
        begun = time.thread_time()
        use(text)
        costs.append(time.thread_time() - begun)
    return min(costs)


ALL = {f"{name}": (pattern, use) for name, pattern, use in patterns()}


@pytest.mark.parametrize("name", ALL)
def test_a_pattern_takes_a_time_in_proportion_to_the_length(name: str) -> None:
    pattern, use = ALL[name]
    is_bytes = isinstance(pattern.pattern, bytes)
    allowed = TIMES * cost(LINEAR.findall, "x" * LENGTH)
    for text in texts(str(pattern.pattern)):
        given: Any = text.encode() if is_bytes else text
        begun = time.thread_time()
        use(given)
        if time.thread_time() - begun > allowed:  # once more: this thread may have been held up
            assert cost(use, given) <= allowed, repr(text[:40])


def test_the_patterns_are_found_and_a_bad_one_would_be() -> None:
    assert len(ALL) > 25
    bad = re.compile(r"(?:\d[\d ]*\s+)?x").fullmatch
    assert cost(bad, "1" + " " * LENGTH + "y") > TIMES * cost(LINEAR.findall, "x" * LENGTH)
