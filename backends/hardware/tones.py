"""Plays test tones, each in a child process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from backends.contract import IO
from backends.hardware.identify import BEGINS, ENDS
from backends.hardware.tone_lines import BEAT, ToneReport, ToneRequest

SILENCE = 3 * BEAT
ENDED = "the tone's process ended before the tone started; `foh doctor` says what is missing"


class Tones:
    """Plays tones and waits for their start. `argv` is the child's command (tone_lines.py)."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv, self._tasks = argv, set[asyncio.Task[None]]()

    async def play(self, device: str, io: IO) -> None:
        """Returns when the tone has started; it ends by itself. Raises OSError (ALSA's message), TimeoutError."""
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._play(device, begun, io))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            async with io.deadline(BEGINS):
                await begun
        except BaseException:
            task.cancel()  # it must not start after its caller gave up
            raise

    async def _play(self, device: str, begun: asyncio.Future[None], io: IO) -> None:
        try:
            async with io.deadline(BEGINS + ENDS), io.child(self._argv, "the sound card", SILENCE) as child:
                await child.send(msgspec.to_builtins(ToneRequest(device)))
                while not (report := msgspec.convert(await child.receive(), ToneReport)).error:
                    if device in report.playing and not begun.done():
                        begun.set_result(None)
                    elif begun.done() and device not in report.playing:
                        return
                raise OSError(report.error)
        except Exception as error:  # noqa: BLE001  (raised by `play`; a tone that has started shows in its PCM)
            if not begun.done():
                begun.set_exception(ConnectionError(ENDED) if isinstance(error, ConnectionError) else error)
