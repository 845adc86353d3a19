"""Tones that are being played, each by a child process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from backends.contract import IO
from backends.hardware.identify import BEGINS, ENDS
from backends.hardware.tone_lines import BEAT, Ask, Told

SILENCE = 3 * BEAT
ENDED = "what sounds the tone has ended before it began; `foh doctor` says what is missing"


class Tones:
    """`argv` is the child's command; see `tone_lines` for what it says."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv, self._tasks = argv, set[asyncio.Task[None]]()

    async def play(self, device: str, io: IO) -> None:
        """Returns when the tone has begun, and lets it end by itself. Raises OSError (ALSA's words), TimeoutError."""
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._play(device, begun, io))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            async with io.deadline(BEGINS):
                await begun
        except BaseException:
            task.cancel()  # it must not begin when nobody expects it any more
            raise

    async def _play(self, device: str, begun: asyncio.Future[None], io: IO) -> None:
        try:
            async with io.deadline(BEGINS + ENDS), io.child(self._argv, "the sound card", SILENCE) as child:
                await child.send(msgspec.to_builtins(Ask(device)))
                while not (told := msgspec.convert(await child.receive(), Told)).error:
                    if device in told.playing and not begun.done():
                        begun.set_result(None)
                    elif begun.done() and device not in told.playing:
                        return
                raise OSError(told.error)
        except Exception as error:  # noqa: BLE001  (carried to who waits; of a tone that has begun the card tells)
            if not begun.done():
                begun.set_exception(ConnectionError(ENDED) if isinstance(error, ConnectionError) else error)
