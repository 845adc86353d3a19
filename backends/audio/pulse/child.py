"""The pulse child: one sound server's streams through pulsectl, told over the lines of `lines`.

    python -m backends.audio.pulse.child SERVER          goes on telling until it is killed
    python -m backends.audio.pulse.child SERVER obey     tells, does what it is told on standard input, tells again

A process of its own, because libpulse waits for a server that hangs without a deadline, and aborts where it is
surprised. It never starts a server: that would be no news of the one that is not there.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

import msgspec
from msgspec import Struct

from backends.audio.pulse.lines import BEAT, Failed, Move, Playing, Told
from backends.child_process import At, die_with_parent

GATHER = 0.03  # seconds; a change comes as several events
PROGRAM = ("application.name", "application.process.binary", "media.name")  # the first that there is
LONGEST = 300  # characters of what a client says of itself
ASKED = "target.object"  # a sink's name or its number; PipeWire keeps it there, PulseAudio nowhere
MACHINE = ("application.process.machine_id", "application.process.host")


class Server:
    """A connection. Its methods raise pulsectl's errors; none of them has a deadline."""

    def __init__(self, address: str) -> None:
        import pulsectl

        self._stop = pulsectl.PulseLoopStop
        self.errors = (pulsectl.PulseError, pulsectl.PulseDisconnected)
        self.pulse: Any = pulsectl.Pulse("foh", server=address or None, connect=False)
        self._listening = self._stale = self._asked = False

    def told(self) -> Told:
        """Everything, asked for now."""
        pulse = self.pulse
        server, sinks = pulse.server_info(), pulse.sink_list()
        clients = {client.index: client.proplist for client in pulse.client_list()}
        mine = [each for each in clients.values() if each.get("application.process.id") == str(os.getpid())]
        names = {sink.index: sink.name for sink in sinks}
        return Told(
            f"{server.server_name} {server.server_version}",
            server.cookie,
            {sink.name: sink.index for sink in sinks},
            tuple(_playing(each, names, clients.get(each.client, {}), mine) for each in pulse.sink_input_list()),
        )

    def listen(self) -> None:
        self.pulse.event_mask_set("sink", "sink_input", "client")
        self.pulse.event_callback_set(self._changed)

    def watch(self) -> None:
        """Tells for ever."""
        said, said_at = None, 0.0
        while True:
            asked, self._stale, self._asked = self._asked, False, False
            now = self.told()
            if asked or now != said or time.monotonic() - said_at >= BEAT:
                said, said_at = now, time.monotonic()
                say(now)
            if not self._stale and not self._asked:
                self._listening = True
                self.pulse.event_listen(max(0.001, said_at + BEAT - time.monotonic()))
                self._listening = False
            time.sleep(GATHER)

    def heed(self) -> None:
        """Runs in a thread: has `watch` tell when a line comes. One that has just begun to listen does not notice the
        first call (pulsectl, event_listen_stop)."""
        while sys.stdin.buffer.readline():
            self._asked = True
            while self._asked:
                self.pulse.event_listen_stop()
                time.sleep(GATHER)

    def obey(self) -> None:
        say(self.told())
        move = msgspec.json.decode(sys.stdin.buffer.readline(), type=Move)
        self.pulse.sink_input_move(move.stream, move.to)
        say(self.told())

    def _changed(self, event: object) -> None:
        """May be called while something is asked for: that must not be broken off."""
        self._stale = True
        if self._listening:
            raise self._stop

    def failed(self) -> Failed:
        """Why the last thing has not worked."""
        from pulsectl._pulsectl import pa

        number = pa.context_errno(self.pulse._ctx)
        return Failed(number, str(pa.strerror(number)))


def _playing(each: Any, sinks: dict[int, str], client: dict[str, str], mine: list[dict[str, str]]) -> Playing:
    """`mine` has what this process says of itself: who says the same of the machine runs on this one."""
    said = client | each.proplist
    asked = said.get(ASKED, "")
    return Playing(
        each.index,
        sinks.get(each.sink, ""),
        next((said[key][:LONGEST] for key in PROGRAM if said.get(key)), ""),
        said.get("application.process.id", "")[:LONGEST],
        any(all(said.get(key) == me.get(key) for key in MACHINE) for me in mine),
        round(each.volume.value_flat * 100),
        bool(each.mute),
        bool(each.corked),
        (sinks.get(int(asked[:10]), "") if asked.isdecimal() else asked)[:LONGEST],
    )


def say(message: Struct) -> None:
    data = msgspec.json.encode(message) + b"\n"
    while data:
        data = data[os.write(1, data) :]


def main(address: str, *words: str) -> None:
    die_with_parent()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libpulse prints there, onto the operator's screen
    try:
        server = Server(address)
    except (ImportError, OSError) as error:  # the library, or libpulse itself
        say(Failed(0, str(error)))
        return
    try:
        say(At(address))
        server.pulse.connect()
        if words:
            server.obey()
        else:
            server.listen()
            threading.Thread(target=server.heed, daemon=True).start()
            server.watch()
    except server.errors:
        say(server.failed())


if __name__ == "__main__":
    main(*sys.argv[1:])
