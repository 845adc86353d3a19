"""The tests race no clock: a lint that finds numbers of seconds, and `patience` itself."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import patience

HERE = Path(__file__).parent
MEASURING = {  # what measures time, or lets it pass, as its purpose
    "patience.py": "the one place",
    "test_patience.py": "has what it looks for as examples",
    "bench": "measures, and compares with a bare observer in the same run",
    "projector/foh_projector": "a backend, with a period of its own",
    "outside/foh_snapcast": "a backend, with a period of its own",
    "rig/devices": "emulated boards live by the clock, as real ones do",
    "rig/guest": "the machine that a guest is: boots it, and gives up on it",
    "rig/build": "builds guests, and says how long it took",
    "rig/demo": "plugs and unplugs by the clock, for people to see",
    "rig/__main__.py": "says how long the drills took",
    "integration/beds/streaming.py": "runs inside a Mopidy, which without our modules: a stand-in service's own pace",
    "integration/beds/usb_testbed.py": "runs under the system's Python, which has none of our modules",
}
WAITS = {"sleep", "timeout", "timeout_at", "wait_for", "wait", "join", "wait_procs", "until", "until_async", "settled",
         "ended", "well", "wait_gone", "settle", "elapse", "pause", "changed", "cpu_percent", "create_connection",
         "settimeout", "select"}  # fmt: skip
KEYWORDS = {"timeout", "within", "seconds", "interval"}
CLOCKS = {"monotonic", "perf_counter", "monotonic_ns", "perf_counter_ns", "process_time"}
COUNTS = {"changed"}  # takes how often, not how long
PRODUCT = {"Expect", "thread", "replace", "LxdServer"}  # what they are given is the product's own, and under test


def numeric(node: ast.AST | None, constants: frozenset[str] = frozenset()) -> bool:
    """Whether it is a number above 0 that is written there, alone, in a calculation, or as a constant of the module."""
    match node:
        case ast.Name(id=name):
            return name in constants
        case ast.Constant(value=bool()):
            return False
        case ast.Constant(value=int() | float() as value):
            return value > 0
        case ast.BinOp(left=left, right=right, op=ast.Mult()):  # a period so many times is none
            return numeric(left, constants) and numeric(right, constants)
        case ast.BinOp(left=left, right=right):
            return numeric(left, constants) or numeric(right, constants)
        case ast.UnaryOp(operand=operand):
            return numeric(operand, constants)
        case ast.IfExp(body=body, orelse=orelse):
            return numeric(body, constants) or numeric(orelse, constants)
    return False


def constants_of(module: ast.Module) -> frozenset[str]:
    """The names that the module itself gives to numbers."""
    found = set[str]()
    for node in module.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if numeric(value):
                found.add(name)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                found |= {n.id for n, v in zip(names, values, strict=False) if isinstance(n, ast.Name) and numeric(v)}
    return frozenset(found)


def name_of(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def seconds_in(source: str) -> Iterator[tuple[int, str]]:
    """The lines of a module in which a number of seconds is waited for, or a clock is read, and why it is wrong."""
    module = ast.parse(source)
    constants = constants_of(module)
    for node in ast.walk(module):
        match node:
            case ast.Call():
                name = name_of(node)
                if name in CLOCKS:
                    yield node.lineno, f"{name}() measures: that is for `make bench`"
                elif name in WAITS - COUNTS and any(numeric(each, constants) for each in node.args):
                    yield node.lineno, f"{name}() waits for a number of seconds"
                if name not in PRODUCT:
                    for keyword in node.keywords:
                        if keyword.arg in KEYWORDS and numeric(keyword.value, constants):
                            yield node.lineno, f"{keyword.arg}= is a number of seconds"
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                named = [*node.args.posonlyargs, *node.args.args]
                with_default = named[len(named) - len(node.args.defaults) :]
                pairs = [*zip(with_default, node.args.defaults, strict=True),
                         *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)]  # fmt: skip
                for argument, default in pairs:
                    if argument.arg in KEYWORDS and numeric(default, constants):
                        yield node.lineno, f"{argument.arg}= has a number of seconds as its default"


@pytest.mark.parametrize(
    "bad",
    [
        "time.sleep(1)",
        "await asyncio.sleep(0.05)",
        "sleep(POLL + 2)",
        "asyncio.timeout(5)",
        "pytest.mark.timeout(150 + SOAK)",
        "asyncio.wait_for(future, 10)",
        "screen.wait_for('text', 20)",
        "terminal.until(lambda: True, 2)",
        "terminal.settled(0.3)",
        "event.wait(0.1)",
        "process.wait(timeout=5)",
        "thread.join(2)",
        "subprocess.run(argv, timeout=60)",
        "watched.until(true, within=3)",
        "begun = time.monotonic()",
        "assert time.perf_counter() - begun < 1",
        "def until(holds, seconds=5.0): pass",
        "def until(holds, *, within: float = 5.0): pass",
        "await pilot.pause(0.3)",
        "elapse(3)",
        "SOON = 1.0\nterminal.until(lambda: True, SOON)",
        "LOG, POSITION = 3.0, 6.0\nscreen.wait_for('text', 2 * POSITION)",
        "process.cpu_percent(0.3)",
        "socket.create_connection(address, 5)",
    ],
)
def test_a_number_of_seconds_is_found(bad: str) -> None:
    assert list(seconds_in(bad))


@pytest.mark.parametrize(
    "good",
    [
        "await asyncio.sleep(0)",
        "time.sleep(PERIOD)",
        "time.sleep(3 * PERIOD)",
        "from backends.hardware.usb import POLL\ntime.sleep(POLL)",
        "asyncio.wait_for(future, BOUND)",
        "subprocess.run(argv, timeout=BOUND)",
        "until(changed(look, 3))",
        "Expect(BAR, 'state', 'paused', within=0.1)",
        "process.wait()",
        "', '.join(['1'])",
        "zone.play('A', length=300)",
    ],
)
def test_what_counts_or_names_is_not(good: str) -> None:
    assert list(seconds_in(good)) == []


def test_no_test_names_a_number_of_seconds() -> None:
    found = []
    for path in sorted(HERE.rglob("*.py")):
        place = path.relative_to(HERE).as_posix()
        if not any(place == each or place.startswith(f"{each}/") for each in MEASURING):
            found += [f"tests/{place}:{line}: {why}" for line, why in seconds_in(path.read_text())]
    assert found == [], "\n".join(found)


def test_what_may_measure_is_there() -> None:
    assert [place for place in MEASURING if not (HERE / place).exists()] == []


# --- patience ---------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.testing.patience.BOUND", patience.POLL)


def test_a_wait_returns_what_was_found_at_once() -> None:
    looks = iter([0, None, "", "there"])
    assert patience.until(lambda: next(looks), news=lambda seconds: None) == "there"


@pytest.mark.usefixtures("impatient")
async def test_one_that_fails_says_what_was_waited_for_and_what_was_seen() -> None:
    with pytest.raises(AssertionError, match=r"not so after .*: the lamp; seen instead: darkness"):
        patience.until(lambda: False, "the lamp", seen=lambda: "darkness")
    with pytest.raises(AssertionError, match=r"not so after .*: the lamp; seen instead: darkness"):
        await patience.until_async(lambda: False, "the lamp", seen=lambda: "darkness")


async def test_the_loop_goes_on_meanwhile() -> None:
    gone_on = asyncio.Event()
    task = asyncio.create_task(patience.until_async(gone_on.is_set))
    asyncio.get_running_loop().call_soon(gone_on.set)
    assert await task


def test_changes_are_counted() -> None:
    looks = iter("aabbcc")
    holds = patience.changed(lambda: next(looks), 2)
    assert [holds() for _ in range(5)] == [False, False, False, True, True]


def test_what_does_not_hold_throughout_fails_at_that_look() -> None:
    looks = iter([True, False])
    holds = patience.throughout(lambda: next(looks), lambda: False, "calm")
    assert not holds()
    with pytest.raises(AssertionError, match="calm"):
        holds()
