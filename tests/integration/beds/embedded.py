"""The embedded venue's hardware behind the handles of the beds `usb` and `pulse`, for tests that run on both."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from backends.demo.mixer import Mixers
from backends.demo.trees import DemoBoard, Trees
from tests.integration.beds.usb import NAMES, PORTS
from tests.patience import until_async


class Embedded:
    """`settings` are the backends' sections of the configuration."""

    def __init__(self, folder: Path, still: bool) -> None:
        self.env: dict[str, str] = {}
        boards = [DemoBoard(card, port, "on", True) for card, port in zip(NAMES, PORTS, strict=True)]
        self.trees = trees = Trees(folder, boards, {"2-1": "opsis", "2-2": "atlys"}, still=still)
        self.mixers = Mixers(folder / "mixers", lambda: trees.cards)
        trees.watchers.append(self.mixers.tell)
        self.rules = trees.rules
        self.unplug, self.replug, self.set, self.get, self.pcm = (
            trees.unplug, trees.replug, trees.set, trees.get, trees.pcm,
        )  # fmt: skip
        self.settings: dict[str, dict[str, Any]] = {
            "usb": trees.usb,
            "alsa": {"proc": str(trees.proc), "events": trees.events, "mixer": self.mixers.argv},
        }
        self.controls = tuple(f"hw:{name}/PCM" for name in NAMES)

    def level(self, control: str, percent: int) -> None:
        self.mixers.set(_card(control), level=percent)

    def mute(self, control: str, muted: bool) -> None:
        self.mixers.set(_card(control), mute=muted)

    def heard(self, control: str) -> tuple[int | None, bool | None]:
        fader = self.mixers.get(_card(control))
        return fader.level, fader.mute


def _card(control: str) -> str:
    return control.removeprefix("hw:").removesuffix("/PCM")


@contextlib.asynccontextmanager
async def bed(still: bool = False) -> AsyncIterator[Embedded]:
    with tempfile.TemporaryDirectory(prefix="embedded-") as folder:
        venue = Embedded(Path(folder), still)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(venue.trees.run()), group.create_task(venue.mixers.run())]
            await until_async(lambda: venue.trees.socket.exists() and venue.mixers.socket.exists())
            yield venue
            for task in tasks:
                task.cancel()
