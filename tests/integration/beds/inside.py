"""One backend run by the project's own runtime in a program of its own, driven over JSON lines.

    python -m tests.integration.beds.inside BACKEND [SETTINGS-AS-JSON] [PERIOD...]

A PERIOD, such as `backends.hardware.usb.POLL`, never ends there: what is seen all the same was told by an event.

Out: {"observation": ...}, {"plan": ...}, {"done": [steps]}, {"refused": why}, {"failed": why}.
In: {"target": "h/board/1-1.1", "action": "let-sleep", "args": {...}, "execute": true}.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import msgspec

from backends import registry
from backends.contract import Id, Offer, Refused
from backends.runtime import Runtime
from tests.patience import NEVER, limit


async def act(runtime: Runtime, offers: dict[tuple[str, str], tuple[Id, Offer]], message: dict[str, Any]) -> None:
    """One plan and, if asked for, its execution, as a console would do it."""
    name, offer = offers[message["target"], message["action"]]
    source, io = runtime.sources[name], runtime.io(name)
    try:
        plan = await source.plan(offer, message.get("args", {}), io)
        say({"plan": plan})
        if message.get("execute"):
            for step in plan.steps:
                await source.do(step, io)
            runtime.touch(name)
            say({"done": [step.text for step in plan.steps]})
    except Refused as refusal:
        say({"refused": str(refusal)})
    except Exception as error:  # noqa: BLE001  (told to the test)
        say({"failed": f"{type(error).__name__}: {error}"})


def say(message: dict[str, Any]) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(message, enc_hook=str) + b"\n")
    sys.stdout.buffer.flush()


async def main(name: str, settings: str = "{}", *periods: str) -> None:
    for module, _, period in (each.rpartition(".") for each in periods):
        setattr(import_module(module), period, NEVER)
    sources, health = await registry.discover(registry.load(name), "h", json.loads(settings), os.environ)
    say({"sources": [source.name for source in sources], "health": health})
    runtime, offers = Runtime(), dict[tuple[str, str], tuple[Id, Offer]]()
    runtime.start(sources)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    async def watch() -> None:
        async for observation in runtime.observations():
            for resource in observation.upserts:
                offers.update({(str(o.target), o.action): (observation.source, o) for o in resource.offers})
            ids = [str(each.id) for each in observation.upserts]
            say({"observation": observation, "ids": ids, "gone": [str(id) for id in observation.gone]})

    watching = asyncio.create_task(watch())
    while line := await reader.readline():
        await act(runtime, offers, json.loads(line))
    watching.cancel()
    await runtime.stop()


# --- the test's side --------------------------------------------------------------------------------------


class Inside:
    """The program, from outside: `resources` is what its observations say is there now, by id."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process, self.pid = process, process.pid
        self.resources: dict[str, dict[str, Any]] = {}
        self.health: dict[str, dict[str, Any]] = {}
        self.ill: list[dict[str, Any]] = []  # every health so far that was not ok
        self.sources: list[str] = []
        self.spoken = Counter[str]()  # how many observations each source has sent
        self._owner: dict[str, str] = {}

    async def receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        async with limit():
            line = await self._process.stdout.readline()
        if not line:
            assert self._process.stderr is not None
            raise RuntimeError(f"the program has ended: {(await self._process.stderr.read()).decode()[-3000:]}")
        message: dict[str, Any] = json.loads(line)
        if "observation" in message:
            self._take(message["observation"], message["ids"], message["gone"])
        return message

    def _take(self, observation: dict[str, Any], ids: list[str], lost: list[str]) -> None:
        source = observation["source"]["local"]
        self.spoken[source] += 1
        self.health[source] = observation["health"]
        self.ill += [observation["health"]] if observation["health"]["state"] != "ok" else []
        if observation["complete"] and observation["health"]["state"] == "ok":
            lost = [key for key, owner in self._owner.items() if owner == source and key not in ids]
        for gone in lost:
            del self.resources[gone], self._owner[gone]
        for key, resource in zip(ids, observation["upserts"], strict=True):
            self.resources[key], self._owner[key] = resource, source

    async def until(self, holds: Callable[[Inside], object]) -> None:
        """Reads on until it holds. Fails with what is known instead."""
        try:
            async with limit():
                while not holds(self):
                    await self.receive()
        except TimeoutError:
            raise AssertionError(f"not so: {self.health} {json.dumps(self.resources)[:2000]}") from None

    async def again(self, times: int = 3) -> None:
        """Reads on until every source has spoken so many times more."""
        before = self.spoken.copy()
        await self.until(lambda p: all(p.spoken[name] >= before[name] + times for name in p.sources))

    async def act(self, target: str, action: str, execute: bool = True, **args: str) -> dict[str, Any]:
        """The plan, with `done` or `refused` or `failed` beside it."""
        assert self._process.stdin is not None
        message = {"target": target, "action": action, "args": args, "execute": execute}
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        answer: dict[str, Any] = {}
        last = {"refused", "failed", "done"} if execute else {"refused", "failed", "plan"}
        while not last & answer.keys():
            message = await self.receive()
            answer |= {key: value for key, value in message.items() if key in ("plan", *last)}
        return answer


@contextlib.asynccontextmanager
async def inside(
    backend: str,
    env: Mapping[str, str],
    settings: Mapping[str, Any] | None = None,
    stub: str = "",
    never: Sequence[str] = (),
) -> AsyncIterator[Inside]:
    """`stub` names a library that is replaced by one that does nothing, `never` periods that never end."""
    module = "tests.integration.beds.inside"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.stubbed", stub, module, backend, json.dumps(settings or {}), *never,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **env}, limit=1 << 22,
    )  # fmt: skip
    try:
        program = Inside(process)
        program.sources = (await program.receive())["sources"]
        yield program
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
